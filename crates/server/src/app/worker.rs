//! Workers: idempotent reconcilers, run by time and by wake-up, on every replica and without a leader.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use echelon_domain::{
    BlockerNumber, Error, OrganizationId, Timestamp,
    blocker::Severity,
    command::{Command, Outcome},
};
use echelon_store::StoreError;
use prost::Message as _;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, MissedTickBehavior},
};
use tracing::Span;

use super::{
    App, Call, audit,
    folding::{self, Folded},
    runtime::Runtime,
    writer::Job,
};

/// Most blockers that one command looks at: others get their turn in between.
const PASS_LIMIT: usize = 300;
/// How long an organization whose turn failed waits for the next.
const FAILED_PAUSE: Duration = Duration::from_millis(500);
/// How often what costs a query is done.
const SLOW_ROUND: Duration = Duration::from_secs(1);
/// How often stored answers are purged.
const PURGE_ROUND: Duration = Duration::from_secs(600);
/// Most stored answers purged at once.
const PURGE_LIMIT: u64 = 10_000;
/// How often counters are folded, of the organizations that have grown enough.
const FOLD_ROUND: Duration = Duration::from_secs(2);

/// Runs the workers until shutdown. The loop itself waits for nothing but its tick: whatever asks the database is a task
/// of its own, so that a slow one delays no timer (E4).
pub async fn run_workers(app: Arc<App>) {
    let mut tick = tokio::time::interval(app.settings.worker_interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slow = Instant::now();
    let mut purge = slow;
    let mut turns = Turns::default();
    let mut reconciling = JoinSet::new();
    let mut purging = JoinSet::new();
    let mut fold = slow;
    let mut folding = JoinSet::new();
    let mut folded = Folded::default();
    let mut auditing = JoinSet::new();
    let audit_interval = app.settings.audit_interval;
    let mut audit_at = slow + audit_interval;
    loop {
        tokio::select! {
            () = app.shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        turns.reap();
        while let Some(found) = reconciling.try_join_next() {
            // The panic hook has logged it; the next round begins anew.
            for (id, freshness) in found.unwrap_or_default() {
                turns.start(&app, &id, freshness);
            }
        }
        while purging.try_join_next().is_some() {}
        while let Some(done) = folding.try_join_next() {
            folded.note(done.unwrap_or_default());
        }
        while auditing.try_join_next().is_some() {}
        let now = Instant::now();
        if now >= slow && reconciling.is_empty() {
            slow = now + SLOW_ROUND;
            reconciling.spawn(reconcile(app.clone()));
        }
        if now >= purge && purging.is_empty() {
            purge = now + PURGE_ROUND;
            purging.spawn(purge_requests(app.clone()));
        }
        if now >= fold && folding.is_empty() {
            fold = now + FOLD_ROUND;
            let loaded = app.loaded();
            let reach = loaded.iter().map(|runtime| {
                let revision = runtime.published().revision();
                (runtime.id(), revision)
            });
            let grown = folded.grown(reach);
            if !grown.is_empty() {
                folding.spawn(folding::fold(app.clone(), grown));
            }
        }
        if !audit_interval.is_zero() && now >= audit_at && auditing.is_empty() {
            audit_at = now + audit_interval;
            auditing.spawn(audit::audit_loaded(app.clone()));
        }
        for runtime in app.loaded() {
            if is_due(&app, &runtime) {
                turns.start(&app, runtime.id(), Freshness::Known);
            }
            let snapshot = runtime.published();
            if snapshot
                .next_clock_change()
                .is_some_and(|at| at <= app.time(&snapshot))
            {
                // Readers would each bring the figures up to now for themselves.
                runtime.advance();
            }
        }
        measure(&app);
    }
}

/// Whether a turn must first follow what other replicas wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Freshness {
    Known,
    Behind,
}

/// Turns under way, at most one for each organization: one that hangs, or cannot be loaded, holds up nobody else.
#[derive(Default)]
struct Turns {
    tasks: JoinSet<()>,
    busy: HashMap<tokio::task::Id, OrganizationId>,
}

impl Turns {
    /// Starts an organization's turn, unless it has one.
    fn start(&mut self, app: &Arc<App>, id: &OrganizationId, freshness: Freshness) {
        if self.busy.values().any(|busy| busy == id) || app.ward.rests(id, Instant::now()) {
            return;
        }
        let (app, organization) = (app.clone(), id.clone());
        let task = self.tasks.spawn(async move {
            match turn(&app, &organization, freshness).await {
                Ok(()) => {}
                Err(error @ Error::Internal { .. }) => {
                    app.ward
                        .set_apart(&organization, None, &error, Instant::now());
                }
                Err(error) => {
                    tracing::warn!(organization.id = %organization, %error, "a worker's turn failed and will be repeated");
                    // Without the database every turn fails: the next one comes soon enough.
                    tokio::time::sleep(FAILED_PAUSE).await;
                }
            }
        });
        self.busy.insert(task.id(), id.clone());
    }

    /// Lets go of the turns that have ended.
    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let id = match &ended {
                Ok((id, ())) => *id,
                // The panic hook has logged it; the next turn begins anew.
                Err(error) => error.id(),
            };
            self.busy.remove(&id);
        }
    }
}

async fn turn(app: &App, id: &OrganizationId, freshness: Freshness) -> Result<(), Error> {
    let runtime = app.existing(id).await?;
    if freshness == Freshness::Behind {
        runtime.refresh().await?;
    }
    pass(app, &runtime).await?;
    Ok(())
}

fn is_due(app: &App, runtime: &Runtime) -> bool {
    let snapshot = runtime.published();
    snapshot
        .next_timer()
        .is_some_and(|at| at <= app.time(&snapshot))
        && first_due(app, runtime, &app.ward.apart(runtime.id(), Instant::now())).is_some()
}

/// The first blocker that is due and not set apart.
fn first_due(
    app: &App,
    runtime: &Runtime,
    apart: &BTreeSet<BlockerNumber>,
) -> Option<BlockerNumber> {
    let snapshot = runtime.published();
    let due = snapshot.due(app.time(&snapshot));
    due.map(|(_, number)| number)
        .find(|number| !apart.contains(number))
}

async fn purge_requests(app: Arc<App>) {
    let before = app.clock.now().minus(app.settings.request_retention);
    loop {
        match app.store.purge_requests(before, PURGE_LIMIT).await {
            Ok(PURGE_LIMIT) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "purging stored answers failed and will be repeated");
                return;
            }
        }
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

/// The organizations that another replica has taken further, and those that are not loaded and have something due.
async fn reconcile(app: Arc<App>) -> Vec<(OrganizationId, Freshness)> {
    let found = async {
        let loaded: HashMap<OrganizationId, i64> = app
            .loaded()
            .iter()
            .map(|runtime| (runtime.id().clone(), runtime.published().revision()))
            .collect();
        let heads = app.store.heads().await?;
        let due = app.store.due_organizations(app.clock.now()).await?;
        let behind = heads.into_iter().filter_map(|(id, head)| {
            let revision = *loaded.get(&id)?;
            (head.revision > revision).then_some((id, Freshness::Behind))
        });
        let idle = due.into_iter().filter(|id| !loaded.contains_key(id));
        Ok::<_, StoreError>(
            behind
                .chain(idle.map(|id| (id, Freshness::Known)))
                .collect(),
        )
    };
    found.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a worker round failed and will be repeated");
        Vec::new()
    })
}

/// Passes what is due in one organization now. Returns how many blockers were looked at. If that fails, ever fewer are
/// looked at together, until the one is found that fails: it is set apart, and the others go on.
async fn pass(app: &App, runtime: &Runtime) -> Result<usize, Error> {
    let id = runtime.id();
    let mut passed = 0;
    let mut limit = PASS_LIMIT;
    loop {
        let apart = app.ward.apart(id, Instant::now());
        let Some(first) = first_due(app, runtime, &apart) else {
            break;
        };
        match pass_some(app, runtime, limit, apart).await {
            Ok(0) => break,
            Ok(count) => {
                passed += count;
                limit = limit.saturating_mul(2).min(PASS_LIMIT);
            }
            Err(Error::Internal { .. }) if limit > 1 => limit /= 2,
            Err(error @ Error::Internal { .. }) => {
                app.ward.set_apart(id, Some(first), &error, Instant::now());
            }
            Err(error) => return Err(error),
        }
    }
    let snapshot = runtime.published();
    let now = app.time(&snapshot);
    app.ward.release(id, |number| {
        let blocker = snapshot.blocker(number).ok();
        blocker.is_none_or(|blocker| blocker.status.timer_at.is_none_or(|at| at > now))
    });
    Ok(passed)
}

/// Passes what is due, at most so much of it. Returns how many blockers were looked at.
async fn pass_some(
    app: &App,
    runtime: &Runtime,
    limit: usize,
    apart: BTreeSet<BlockerNumber>,
) -> Result<usize, Error> {
    let (reply, answer) = oneshot::channel();
    let job = Job {
        call: Call {
            method: "PassTimers",
            request_id: None,
            fingerprint: 0,
            actor: None,
        },
        command: Command::PassTimers { limit, apart },
        respond: Box::new(move |decision| {
            let passed = match decision.outcome {
                // What changes nothing would be due for ever.
                Outcome::TimersPassed { passed, .. } if !decision.events.is_empty() => passed,
                _ => 0,
            };
            Ok(u64::try_from(passed).unwrap_or(u64::MAX).encode_to_vec())
        }),
        reply,
        span: Span::none(),
    };
    runtime.enqueue(job).await?;
    let answer = answer.await.map_err(|_| super::shutting_down())??;
    app.announce(runtime);
    let passed = u64::decode(answer.as_slice()).map_err(Error::internal)?;
    Ok(usize::try_from(passed).unwrap_or(usize::MAX))
}

/// Sets the metrics that are about the state: open blockers, and timers that are overdue though a server lives.
fn measure(app: &App) {
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
        app.metrics
            .set_exhausted(snapshot.id().as_str(), counters.exhausted);
        let levels = counters.by_holder_level.iter();
        app.metrics.set_open_by_levels(
            snapshot.id().as_str(),
            levels.map(|(level, open)| (level.as_str(), *open)),
        );
    }
    app.metrics.set_overdue_timers(overdue);
    app.metrics.set_stuck(app.ward.list().len());
}
