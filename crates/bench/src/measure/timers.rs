//! Every blocker's timer is due at one instant, while calls go on.

use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use echelon_api::v1;
use echelon_domain::Timestamp;
use prost::Message as _;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use super::{calls, raise};
use crate::{
    bench::{self, Bench, Serving},
    database::Kind,
    dataset::{Dataset, Place, Scenario, Tier, raise_request},
    load::{self, Connection, Latencies, UNAVAILABLE, frame},
    report::{Bar, Report, Row, Spread, table::number},
};

/// A call of each kind this often.
const PACE: Duration = Duration::from_millis(20);
/// Calls begin so long before the instant.
const BEFORE: Duration = Duration::from_secs(1);
/// Within this all must have moved.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let backlog = bench.backlog().await?;
    backlog.stop().await?;
    let url = backlog.database.url().to_owned();
    let due_at = bench::now().plus(bench.extent.timers_ahead);
    let dataset = bench.dataset(Scenario::Timers { due_at }, bench.extent.teams);
    bench.import(&dataset, &url).await?;
    let serving = Serving {
        dataset,
        ..bench.serving().await?
    };
    let before = raise::root(&serving).await?;
    ensure!(
        bench::now().plus(BEFORE) < due_at,
        "the timers were due before the server was up: give `timers_ahead` more time"
    );
    ensure!(
        before.escalated_in == 0 && before.open == i64::try_from(dataset.open())?,
        "the timers' organization is not as it was made"
    );
    tokio::time::sleep(until(due_at.minus(BEFORE))).await;
    let at_work = serving.processes.at_work();
    let (address, run) = (serving.address, format!("{}-timers", bench.run));
    let seen =
        load::apart(move || async move { watch(address, dataset, run, due_at).await }).await?;
    let worked = serving.processes.at_work().saturating_sub(at_work);
    verify(&serving).await?;
    let moves = dataset.open() as f64;
    report.add(Row {
        measure: "timers",
        database: bench.kind,
        what: "moves from the instant to the last".to_owned(),
        unit: "/s",
        figure: Spread::of([moves / seen.took.as_secs_f64()]),
        bar: Bar::AtLeast(match bench.kind {
            Kind::Sqlite => 10_000.0,
            Kind::Postgres => 6_000.0,
        }),
        cpu_us: Some(worked.as_secs_f64() * 1e6 / moves),
        details: format!(
            "{} moves in {:.2} s, each once",
            number(moves),
            seen.took.as_secs_f64()
        ),
    });
    for (name, latencies) in [("GetRollup", &seen.reads), ("RaiseBlocker", &seen.writes)] {
        report.add(Row {
            measure: "timers",
            database: bench.kind,
            what: format!("meanwhile {name}: p99"),
            unit: "ms",
            figure: Spread::of([latencies.percentile_ms(99.0)]),
            bar: Bar::AtMost(100.0),
            cpu_us: None,
            details: format!(
                "{} calls, p50 {} ms, most {} ms",
                number(latencies.len() as f64),
                number(latencies.percentile_ms(50.0)),
                number(latencies.percentile_ms(100.0))
            ),
        });
    }
    Ok(())
}

/// What the calls saw.
struct Seen {
    took: Duration,
    reads: Latencies,
    writes: Latencies,
}

/// Calls at a pace until a roll-up shows that every blocker has moved.
async fn watch(
    address: SocketAddr,
    dataset: Dataset,
    run: String,
    due_at: Timestamp,
) -> Result<Seen> {
    let all = i64::try_from(dataset.open())?;
    let due = Instant::now() + until(due_at);
    let connection = Connection::open(address).await?;
    let request = frame(&v1::GetRollupRequest {
        node: dataset.node(Place::root()),
        min_revision: 0,
    });
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calling: JoinSet<Result<Answer>> = JoinSet::new();
    let (mut reads, mut writes) = (Latencies::default(), Latencies::default());
    let mut moved = None;
    let mut number = 0;
    while moved.is_none() {
        tokio::select! {
            _ = pace.tick() => {
                calling.spawn(call(connection.clone(), calls::GET_ROLLUP, request.clone()));
                let raise = frame(&raise_request(&dataset, &run, number));
                calling.spawn(call(connection.clone(), calls::RAISE, raise));
                number += 1;
            }
            Some(answered) = calling.join_next() => {
                let answer = answered.context("a call panicked")??;
                // What was answered before the instant is not meanwhile.
                let counts = answer.ended > due;
                if answer.path == calls::RAISE {
                    if counts {
                        writes.push(answer.took);
                    }
                    continue;
                }
                if counts {
                    reads.push(answer.took);
                }
                if arrived(&answer.reply)? >= all {
                    moved = Some(answer.ended);
                }
            }
        }
        ensure!(
            due.elapsed() < PATIENCE,
            "not every timer acted within {PATIENCE:?}"
        );
    }
    while let Some(answered) = calling.join_next().await {
        answered.context("a call panicked")??;
    }
    reads.sort();
    writes.sort();
    let took = moved.context("the loop ends with it")? - due;
    Ok(Seen {
        took,
        reads,
        writes,
    })
}

struct Answer {
    path: &'static str,
    took: Duration,
    ended: Instant,
    reply: Bytes,
}

/// Calls until there is an answer, as a client does that is told to retry: what that costs is part of its time.
async fn call(connection: Connection, path: &'static str, request: Bytes) -> Result<Answer> {
    let started = Instant::now();
    let reply = loop {
        match connection.call(path, request.clone()).await {
            Err(failure) if failure.code == Some(UNAVAILABLE) && started.elapsed() < PATIENCE => {}
            answered => break answered?,
        }
    };
    let ended = Instant::now();
    Ok(Answer {
        path,
        took: ended - started,
        ended,
        reply,
    })
}

/// How many blockers are held one level up.
fn arrived(reply: &Bytes) -> Result<i64> {
    let reply = v1::GetRollupResponse::decode(reply.clone())?;
    let figures = reply.rollup.unwrap_or_default().figures.unwrap_or_default();
    let above = figures.by_holder_level.get(Tier::Scrum.label());
    Ok(above.copied().unwrap_or_default())
}

/// Every team has let go of its blockers once, and every Scrum of Scrums has taken them once (E3).
async fn verify(serving: &Serving) -> Result<()> {
    let dataset = serving.dataset;
    let connection = Connection::open(serving.address).await?;
    let each = i64::try_from(dataset.open_per_team())?;
    let mut taken = 0;
    for scrum in dataset.tree.places(Tier::Scrum) {
        let request = v1::GetRollupRequest {
            node: dataset.node(scrum),
            min_revision: 0,
        };
        let reply: v1::GetRollupResponse = connection.unary(calls::GET_ROLLUP, &request).await?;
        let rollup = reply.rollup.unwrap_or_default();
        taken += rollup.figures.unwrap_or_default().escalated_in;
        for child in rollup.children {
            let out = child.figures.unwrap_or_default().escalated_out;
            ensure!(
                out == each,
                "{out} moves left {}, {each} were due",
                child.node
            );
        }
    }
    let all = i64::try_from(dataset.open())?;
    ensure!(taken == all, "{taken} moves arrived, {all} were due");
    Ok(())
}

/// How long it is until an instant.
fn until(at: Timestamp) -> Duration {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let at = Duration::from_micros(u64::try_from(at.as_micros()).unwrap_or(0));
    at.saturating_sub(now)
}
