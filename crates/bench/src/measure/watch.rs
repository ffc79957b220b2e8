//! A thousand watchers, a hundred changes a second: how long after a change's answer the last watcher that must see it
//! has seen it.

pub(super) mod watcher;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use echelon_api::v1;
use tokio::{sync::oneshot, task::JoinSet, time::MissedTickBehavior};

use super::calls;
use crate::{
    bench::{Bench, Serving},
    dataset::{Dataset, Place, Tier, raise_request, raising_team},
    load::{self, Connection, Latencies},
    report::{Bar, Report, Row, Spread, table::number},
};
use watcher::{Seen, Watched, Watchers};

/// A change this often.
const PACE: Duration = Duration::from_millis(10);
/// Watchers on one connection.
const PER_CONNECTION: usize = 100;
/// How long the last watcher may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let events = vec![Watched::Events; bench.extent.watchers];
    let rollups = spread(&serving.dataset, bench.extent.watchers);
    for (name, watched) in [("WatchEvents", events), ("WatchRollup", rollups)] {
        round(bench, &serving, report, name, watched).await?;
    }
    Ok(())
}

/// Four of ten watch the root, the others solutions, trains and Scrums of Scrums.
fn spread(dataset: &Dataset, watchers: usize) -> Vec<Watched> {
    let place = |number: usize| {
        let tier = match number % 10 {
            0..4 => Tier::Portfolio,
            4 | 5 => Tier::Solution,
            6 | 7 => Tier::Train,
            _ => Tier::Scrum,
        };
        let index = number * 31 % dataset.tree.count(tier);
        Watched::Rollup(Place { tier, index })
    };
    (0..watchers).map(place).collect()
}

/// A change that was answered.
#[derive(Clone, Copy, Debug)]
struct Changed {
    revision: i64,
    answered: Instant,
    team: Place,
}

async fn round(
    bench: &mut Bench,
    serving: &Serving,
    report: &mut Report,
    name: &str,
    watched: Vec<Watched>,
) -> Result<()> {
    let (address, dataset) = (serving.address, serving.dataset);
    let (ready, is_ready) = oneshot::channel();
    let (last, until) = oneshot::channel();
    let watching = tokio::spawn(load::apart({
        let watched = watched.clone();
        move || async move { watch(address, dataset, &watched, ready, until).await }
    }));
    let changed = async {
        // If the watchers fail, they tell why below.
        if is_ready.await.is_err() {
            return Ok(None);
        }
        let at_work = serving.processes.at_work();
        let changes = change(bench, serving).await?;
        let needed = needed(&dataset, &changes, &watched);
        if last.send(needed).is_err() {
            return Ok(None);
        }
        Result::<_>::Ok(Some((changes, at_work)))
    };
    let changes = changed.await?;
    let seen = watching.await.context("the watchers panicked")??;
    let (changes, at_work) = changes.context("the watchers ended early")?;
    let worked = serving.processes.at_work().saturating_sub(at_work);
    let latencies = latencies(&dataset, &changes, &watched, &seen)?;
    let messages: usize = seen.iter().map(Vec::len).sum();
    report.add(Row {
        measure: "watch",
        database: bench.kind,
        what: format!("{name}: answer to last watcher, p99"),
        unit: "ms",
        figure: Spread::of([latencies.percentile_ms(99.0)]),
        bar: Bar::AtMost(100.0),
        cpu_us: Some(worked.as_secs_f64() * 1e6 / changes.len() as f64),
        details: format!(
            "{} watchers, {} changes, {} messages; p50 {} ms, most {} ms",
            number(watched.len() as f64),
            number(changes.len() as f64),
            number(messages as f64),
            number(latencies.percentile_ms(50.0)),
            number(latencies.percentile_ms(100.0)),
        ),
    });
    Ok(())
}

/// Whether a watcher must see what a team has raised.
fn concerns(dataset: &Dataset, watched: Watched, team: Place) -> bool {
    match watched {
        Watched::Events => true,
        Watched::Rollup(place) => dataset.tree.path_up(team).any(|above| above == place),
    }
}

/// For each watcher the last revision that it must see; 0 if none.
fn needed(dataset: &Dataset, changes: &[Changed], watched: &[Watched]) -> Vec<i64> {
    let last = |watched: &Watched| {
        let concerning = changes
            .iter()
            .filter(|change| concerns(dataset, *watched, change.team));
        concerning.map(|change| change.revision).max().unwrap_or(0)
    };
    watched.iter().map(last).collect()
}

/// How long each change took to the last watcher that had to see it.
fn latencies(
    dataset: &Dataset,
    changes: &[Changed],
    watched: &[Watched],
    seen: &[Seen],
) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for change in changes {
        let mut last = change.answered;
        for (watched, seen) in watched.iter().zip(seen) {
            if !concerns(dataset, *watched, change.team) {
                continue;
            }
            let at = seen.partition_point(|(revision, _)| *revision < change.revision);
            let (_, at) = seen
                .get(at)
                .with_context(|| format!("{watched:?} never saw revision {}", change.revision))?;
            last = last.max(*at);
        }
        latencies.push(last - change.answered);
    }
    latencies.sort();
    Ok(latencies)
}

/// Opens the watches, tells when all of them run, and ends when each has seen what it must of the last revision.
async fn watch(
    address: SocketAddr,
    dataset: Dataset,
    watched: &[Watched],
    ready: oneshot::Sender<()>,
    until: oneshot::Receiver<Vec<i64>>,
) -> Result<Vec<Seen>> {
    let mut watchers = Watchers::default();
    for some in watched.chunks(PER_CONNECTION) {
        let connection = Connection::open(address).await?;
        for watched in some {
            watchers.open(&connection, &dataset, *watched).await?;
        }
    }
    if ready.send(()).is_err() {
        return Ok(Vec::new());
    }
    match watchers.running(until).await? {
        Some(needed) => watchers.finish(&needed, PATIENCE).await,
        None => Ok(Vec::new()),
    }
}

/// Raises blockers at the pace for a while.
async fn change(bench: &mut Bench, serving: &Serving) -> Result<Vec<Changed>> {
    let (address, dataset, run) = (serving.address, serving.dataset, bench.run.clone());
    let count = bench.extent.watch.as_millis() / PACE.as_millis();
    let count = u64::try_from(count)?;
    let first = bench.calls(count);
    load::apart(move || async move {
        let connection = Connection::open(address).await?;
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calling: JoinSet<Result<Changed>> = JoinSet::new();
        for number in first..first + count {
            pace.tick().await;
            let connection = connection.clone();
            let request = raise_request(&dataset, &run, number);
            calling.spawn(async move {
                let reply: v1::RaiseBlockerResponse =
                    connection.unary(calls::RAISE, &request).await?;
                ensure!(!reply.duplicate, "a blocker was raised twice");
                Ok(Changed {
                    revision: reply.revision,
                    answered: Instant::now(),
                    team: raising_team(&dataset, number),
                })
            });
        }
        let mut changes = Vec::new();
        while let Some(changed) = calling.join_next().await {
            changes.push(changed.context("a change panicked")??);
        }
        Ok(changes)
    })
    .await
}
