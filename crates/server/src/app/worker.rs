//! Workers: idempotent reconcilers, run by time and by wake-up, on every replica and without a leader.

use std::{sync::Arc, time::Duration};

use echelon_domain::{
    Error, Timestamp,
    blocker::Severity,
    command::{Command, Outcome},
};
use tokio::{sync::oneshot, time::MissedTickBehavior};
use tracing::Span;

use super::{App, Call, batch::Job, runtime::Runtime};

/// Most blockers that one command looks at: others get their turn in between.
const PASS_LIMIT: usize = 500;
/// How often what costs a query is done.
const SLOW_ROUND: Duration = Duration::from_secs(1);
/// How often stored answers are purged.
const PURGE_ROUND: Duration = Duration::from_secs(600);
/// Most stored answers purged at once.
const PURGE_LIMIT: u64 = 10_000;

/// Runs the workers until shutdown.
pub async fn run_workers(app: Arc<App>) {
    let mut tick = tokio::time::interval(app.settings.worker_interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slow = tokio::time::Instant::now();
    let mut purge = slow;
    loop {
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = tokio::time::Instant::now();
        if now >= slow {
            slow = now + SLOW_ROUND;
            if let Err(error) = reconcile(&app).await {
                tracing::warn!(%error, "a worker round failed and will be repeated");
            }
        }
        if now >= purge {
            purge = now + PURGE_ROUND;
            let before = app.clock.now().minus(app.settings.request_retention);
            if let Err(error) = app.store.purge_requests(before, PURGE_LIMIT).await {
                tracing::warn!(%error, "purging stored answers failed and will be repeated");
            }
        }
        for runtime in app.loaded() {
            if let Err(error) = pass(&app, &runtime).await {
                tracing::warn!(organization.id = %runtime.id(), %error, "passing timers failed and will be repeated");
            }
        }
        audit(&app);
    }
}

/// Passes every timer that is due, everywhere, until none is left.
pub(super) async fn pass_all(app: &App) -> Result<usize, Error> {
    let mut passed = 0;
    loop {
        for id in app.store.due_organizations(app.clock.now()).await? {
            app.existing(&id).await?;
        }
        let mut round = 0;
        for runtime in app.loaded() {
            round += pass(app, &runtime).await?;
        }
        if round == 0 {
            return Ok(passed);
        }
        passed += round;
    }
}

/// Follows what other replicas wrote, and takes up organizations that have something due.
async fn reconcile(app: &App) -> Result<(), Error> {
    for id in app.store.due_organizations(app.clock.now()).await? {
        app.existing(&id).await?;
    }
    let heads = app.store.heads().await?;
    for runtime in app.loaded() {
        let newest = heads
            .iter()
            .find(|(id, _)| id == runtime.id())
            .map(|(_, head)| head.revision);
        if newest.is_some_and(|revision| revision > runtime.published().revision()) {
            runtime.refresh().await?;
        }
    }
    Ok(())
}

/// Passes what is due in one organization now. Returns how many blockers were looked at.
async fn pass(app: &App, runtime: &Runtime) -> Result<usize, Error> {
    let mut passed = 0;
    loop {
        let snapshot = runtime.published();
        let due = snapshot
            .next_timer()
            .is_some_and(|at| at <= app.time(&snapshot));
        if !due {
            return Ok(passed);
        }
        let (counted, count) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        runtime.submit(Job {
            call: Call {
                method: "PassTimers",
                request_id: None,
                fingerprint: 0,
                actor: None,
            },
            command: Command::PassTimers { limit: PASS_LIMIT },
            respond: Box::new(move |decision| {
                let passed = match decision.outcome {
                    // What changes nothing would be due for ever.
                    Outcome::TimersPassed { passed, .. } if !decision.events.is_empty() => passed,
                    _ => 0,
                };
                // The receiver outlives the job.
                let _ = counted.send(passed);
                Ok(Vec::new())
            }),
            reply,
            span: Span::none(),
        })?;
        answer.await.map_err(|_| super::shutting_down())??;
        match count.await {
            Ok(0) | Err(_) => return Ok(passed),
            Ok(count) => passed += count,
        }
    }
}

/// Sets the metrics that are about the state: open blockers, and timers that are overdue though a server lives.
fn audit(app: &App) {
    let mut overdue = 0;
    for runtime in app.loaded() {
        let snapshot = runtime.published();
        let now: Timestamp = app.time(&snapshot);
        overdue += snapshot.due(now.minus(app.settings.late_tolerance)).count();
        let Some(root) = snapshot.tree().root() else {
            continue;
        };
        let counters = snapshot.counters(root);
        for (severity, open) in Severity::ALL.iter().zip(counters.by_severity) {
            app.metrics
                .set_open_by_severity(snapshot.id().as_str(), severity.as_str(), open);
        }
        let levels = counters.by_holder_level.iter();
        app.metrics.set_open_by_levels(
            snapshot.id().as_str(),
            levels.map(|(level, open)| (level.as_str(), *open)),
        );
    }
    app.metrics.set_overdue_timers(overdue);
}
