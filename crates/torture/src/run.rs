//! One run: servers, clients, watchers and faults together, then quiet, then everything that is left of it as a record.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use echelon_api::v1;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    client::{DEADLINE, Known, Links, Phase, Request, Told, Worker, declared, node, organization},
    fault::{self, Aftermath},
    plan::{Plan, shape},
    record::{Call, History, Logged, Record, SeenRollup, Sight},
    site::{Site, Tools},
    stall::{self, Patience},
    watcher::{Pace, Watcher, follow_rollup},
};

/// How long the servers are left alone at the end: what is due is acted on.
const QUIET: Duration = Duration::from_millis(2_500);
/// How long a revision may take to be told at the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a panic leaves in a log.
const PANIC: &str = "panicked";

/// What a run leaves.
pub(crate) struct Outcome {
    /// What is known of it.
    pub(crate) record: Record,
    /// How many faults of each kind there were.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// How often a full disk needed a restart of the server.
    pub(crate) restarts_after_full_disk: u64,
    /// How a full disk came about, where there was one.
    pub(crate) full_disk_by: Option<&'static str>,
}

/// Carries a plan out.
///
/// # Errors
/// If something fails that no fault of the plan explains.
pub(crate) async fn run(tools: Tools, plan: Plan) -> Result<Outcome> {
    let plan = Arc::new(plan);
    let site = Arc::new(Site::start(tools, plan.database).await?);
    let (ended, end) = watch::channel(Phase::Load);
    let (goal, aim) = watch::channel(None);
    let known = Arc::new(Known::default());

    let mut told = vec![found(&site, &known, &plan, &end).await?];
    let watchers = watchers(&site, &plan, &aim);
    let rollups = rollups(&site, &plan, &aim);
    stall::watch(&site);
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let worker = Worker::new(site.clone(), known.clone(), number, end.clone())?;
        clients.spawn(worker.work(plan.clone()));
    }
    let start = Instant::now();
    let end = start + plan.duration;
    let (faults, aftermath) = fault::run(site.clone(), plan.faults.clone(), start, end).await?;
    sleep_until(end).await;

    eprintln!(
        "{:<8} {:>7.1} s  the load ends",
        plan.database.as_str(),
        start.elapsed().as_secs_f64()
    );
    ended.send_replace(Phase::Over);
    told.extend(joined(clients).await?);
    sleep(QUIET).await;
    let newest = newest(&site).await?;
    goal.send_replace(Some(newest));
    let sights = joined(watchers).await?;
    let sights = sights.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let rollups = joined(rollups).await?;
    let rollups = rollups.into_iter().collect::<Result<Vec<_>>>()?.concat();

    let Aftermath {
        backup: _,
        histories,
        restarts_after_full_disk,
    } = aftermath;
    let full_disk_by = site.disk.as_ref().map(crate::site::Disk::means);
    let record = close(&site, &plan, told, sights, rollups, histories).await?;
    Ok(Outcome {
        record,
        faults,
        restarts_after_full_disk,
        full_disk_by,
    })
}

/// Founds the organization.
async fn found(
    site: &Arc<Site>,
    known: &Arc<Known>,
    plan: &Plan,
    end: &watch::Receiver<Phase>,
) -> Result<Told> {
    let mut founder = Worker::new(site.clone(), known.clone(), plan.clients, end.clone())?;
    let id = |what: &str| format!("{}-{what}", plan.seed);
    let apply = v1::ApplyOrganizationRequest {
        request_id: id("found"),
        ..declared(&plan.shape)
    };
    let apply = Request::Apply(Box::new(apply), organization());
    founder.call(apply, &id("found"), 0, true).await;
    let name = format!("{}/policies/{}", organization(), shape::DEFAULT_POLICY);
    let rules = v1::UpdateEscalationPolicyRequest {
        policy: Some(v1::EscalationPolicy {
            name: name.clone(),
            version: Some(v1::EscalationPolicyVersion {
                rules: shape::rules(0),
                ..v1::EscalationPolicyVersion::default()
            }),
            ..v1::EscalationPolicy::default()
        }),
        validate_only: false,
        request_id: id("rules"),
    };
    let rules = Request::UpdatePolicy(Box::new(rules), name);
    founder.call(rules, &id("rules"), 0, true).await;
    let told = founder.finish();
    let refused = told.calls.iter().find(|call| call.answer(0).is_none());
    match refused {
        None => Ok(told),
        Some(call) => anyhow::bail!("the organization cannot be founded: {call:?}"),
    }
}

/// Watchers of the root and of two subtrees, a slow and a dead one among them.
fn watchers(
    site: &Arc<Site>,
    plan: &Plan,
    goal: &watch::Receiver<Option<i64>>,
) -> JoinSet<Result<Vec<Sight>>> {
    let trains = plan.shape.of_level("TRAIN");
    let scrums = plan.shape.of_level("SOS");
    let subtree = |ids: &[&str]| ids.first().map(|id| node(id)).unwrap_or_default();
    let all = [
        ("all", String::new(), Pace::Prompt),
        ("root", node("root"), Pace::Prompt),
        ("train", subtree(&trains), Pace::Prompt),
        ("scrum", subtree(&scrums), Pace::Prompt),
        ("slow", String::new(), Pace::Slow),
        ("dead", String::new(), Pace::Dead),
    ];
    let mut watchers = JoinSet::new();
    for (name, subtree, pace) in all {
        let watcher = Watcher {
            site: site.clone(),
            name: name.to_owned(),
            subtree,
            pace,
            goal: goal.clone(),
        };
        watchers.spawn(watcher.watch());
    }
    watchers
}

fn rollups(
    site: &Arc<Site>,
    plan: &Plan,
    goal: &watch::Receiver<Option<i64>>,
) -> JoinSet<Result<Vec<SeenRollup>>> {
    let mut followers = JoinSet::new();
    let trains = plan.shape.of_level("TRAIN");
    for id in trains.into_iter().take(1).chain(["root"]) {
        followers.spawn(follow_rollup(site.clone(), node(id), goal.clone()));
    }
    followers
}

/// The newest revision that any server tells.
async fn newest(site: &Site) -> Result<i64> {
    let links = Links::new(site)?;
    let mut newest = 0;
    for replica in 0..links.count() {
        let client = links.to(replica).clone();
        let patience = Patience::new(site, PATIENCE);
        loop {
            let request = v1::GetRollupRequest {
                node: node("root"),
                min_revision: newest,
            };
            let answer = client.rollups().get_rollup(request).await;
            if let Some(rollup) = answer.ok().and_then(|answer| answer.into_inner().rollup) {
                newest = newest.max(rollup.revision);
                break;
            }
            if patience.is_over(site) {
                site.complain(format!(
                    "replica {replica} does not tell revision {newest} within {PATIENCE:?}"
                ));
                break;
            }
            sleep(DEADLINE / 10).await;
        }
    }
    Ok(newest)
}

/// Ends the servers and takes down what is left.
async fn close(
    site: &Site,
    plan: &Plan,
    told: Vec<Told>,
    sights: Vec<Sight>,
    rollups: Vec<SeenRollup>,
    ended: Vec<(History, i64)>,
) -> Result<Record> {
    let ended_us = site.servers_us();
    for number in 0..site.replicas.len() {
        if let Err(error) = site.rest(number).await {
            site.complain(format!("replica {number} does not end well: {error:#}"));
        }
        let log = fs::read_to_string(site.replica(number).log())?;
        if let Some(line) = log.lines().find(|line| line.contains(PANIC)) {
            site.complain(format!("replica {number} logged: {line}"));
        }
    }
    site.save().await?;
    let name = format!("history-{}.stream", ended.len());
    let log = site.export(&name).await.context("the run cannot be read")?;
    let (sound, said) = site.chore(&["check"]).await?;
    let findings = if sound { Vec::new() } else { vec![said] };
    let twin = site.twin(&name).await?;
    let since = ended.last().map_or(0, |(_, since)| *since);
    let mut histories: Vec<History> = ended.into_iter().map(|(history, _)| history).collect();
    histories.push(History {
        log,
        since,
        ended_us,
    });
    let (spells, clock, complaints) = site.told();
    let mut record = Record {
        database: plan.database,
        calls: Vec::new(),
        rollups,
        reads: Vec::new(),
        foretold: Vec::new(),
        times: Vec::new(),
        sights,
        histories,
        spells,
        clock,
        findings,
        twin: twin.map(|events| events.iter().map(Logged::from).collect()),
        complaints,
    };
    for one in told {
        let Told {
            calls,
            rollups,
            reads,
            foretold,
            times,
        } = one;
        record.calls.extend::<Vec<Call>>(calls);
        record.rollups.extend(rollups);
        record.reads.extend(reads);
        record.foretold.extend(foretold);
        record.times.extend(times);
    }
    Ok(record)
}

async fn joined<T: 'static>(mut tasks: JoinSet<T>) -> Result<Vec<T>> {
    let mut done = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        done.push(ended.context("a part of the torture panicked")?);
    }
    Ok(done)
}
