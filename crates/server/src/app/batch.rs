//! Group commit: the writer of one organization.
//!
//! It drains its queue into a batch, locks the head row first, catches up with other replicas, decides each command in
//! order on the snapshot, flushes everything in few multi-row statements, commits, and only then answers and publishes.
//! Guards are therefore evaluated after the lock is held (E5), and a command that fails fails alone.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use echelon_api::convert::event::{from_record, to_record};
use echelon_domain::{
    BlockerNumber, ConflictReason, Error, MeetingNumber, Organization, RequestId, Timestamp,
    blocker::{Cause, ChangeKind, MoveKind},
    command::{Command, Context},
    decide::{Decision, decide},
    event::{Event, Payload},
};
use echelon_store::{Audit, Batch, Changes, EventRow, Head, Store, StoredRequest};
use prost::Message;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{Instrument as _, Span};

use super::{
    Call,
    recent::Recent,
    rollups::Rollups,
    runtime::{Opened, Order},
};
use crate::{clock::Clock, metrics::Metrics};

/// Most events read to catch up with another replica; a longer way is shorter by a reload.
const CATCH_UP_EVENTS: usize = 10_000;

/// Makes the encoded answer of a decision. If it fails, the command fails and leaves nothing behind.
pub(super) type Respond = Box<dyn FnOnce(&Decision) -> Result<Vec<u8>, Error> + Send + Sync>;

/// A command that waits for the writer.
pub(super) struct Job {
    pub(super) call: Call,
    pub(super) command: Command,
    pub(super) respond: Respond,
    pub(super) reply: oneshot::Sender<Result<Vec<u8>, Error>>,
    pub(super) span: Span,
}

/// The writer of one organization.
pub(super) struct Writer {
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
    publish: watch::Sender<Arc<Organization>>,
    recent: Arc<Recent>,
    rollups: Arc<Rollups>,
    /// The newest committed state. None after a failed commit: what the database holds must be read again.
    state: Option<Organization>,
    epoch: Option<String>,
}

/// An answer that waits for the commit.
type Answer = (
    oneshot::Sender<Result<Vec<u8>, Error>>,
    Result<Vec<u8>, Error>,
);

/// A state with everything at hand that a batch of jobs needs.
struct Recalled {
    state: Organization,
    /// What came in, to be let go afterwards.
    blockers: Vec<BlockerNumber>,
    meetings: Vec<MeetingNumber>,
    /// The first answers of calls that are retried.
    replays: HashMap<RequestId, StoredRequest>,
}

/// What a batch has decided and not flushed.
struct Decided {
    state: Organization,
    events: Vec<Event>,
    requests: Vec<StoredRequest>,
    answers: Vec<Answer>,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
        publish: watch::Sender<Arc<Organization>>,
        (recent, rollups): (Arc<Recent>, Arc<Rollups>),
        state: Organization,
    ) -> Self {
        Self {
            store,
            clock,
            metrics,
            publish,
            recent,
            rollups,
            state: Some(state),
            epoch: None,
        }
    }

    /// Works until every handle is gone.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Order>, batch_size: usize) {
        let mut orders = Vec::with_capacity(batch_size);
        while queue.recv_many(&mut orders, batch_size).await > 0 {
            let mut jobs = Vec::with_capacity(orders.len());
            let mut refreshes = Vec::new();
            let mut repairs = Vec::new();
            let mut audits = Vec::new();
            let mut advance = false;
            for order in orders.drain(..) {
                match order {
                    Order::Job(job) => jobs.push(*job),
                    Order::Repair(job) => repairs.push(*job),
                    Order::Audit(audit, reply) => audits.push((audit, reply)),
                    Order::Refresh(reply) => refreshes.push(reply),
                    Order::Advance => advance = true,
                }
            }
            for repair in repairs {
                let span = repair.span.clone();
                if let Err(error) = self.run_batch(vec![repair]).instrument(span).await {
                    tracing::debug!(%error, "a repair failed, and whoever asked for it was told");
                }
            }
            for (audit, reply) in audits {
                // An audit that has gone away needs no answer.
                let _ = reply.send(self.open_audit(audit).await);
            }
            if jobs.is_empty() && refreshes.is_empty() {
                if advance {
                    self.advance();
                }
                continue;
            }
            if !jobs.is_empty() {
                self.metrics.observe_batch(jobs.len());
            }
            // The batch is part of the call that began it; the others share its fate.
            let first = jobs.first().map_or_else(Span::none, |job| job.span.clone());
            let span = tracing::info_span!(parent: &first, "batch", batch.commands = jobs.len());
            let done = self.run_batch(jobs).instrument(span).await;
            let published = self.publish.borrow().clone();
            if published.exists() {
                self.metrics
                    .set_queue_length(published.id().as_str(), queue.len());
            }
            for reply in refreshes {
                // A caller that has gone away needs no answer.
                let _ = reply.send(done.clone());
            }
        }
    }

    /// Runs one batch and answers its callers. The result is about the batch as a whole.
    async fn run_batch(&mut self, mut jobs: Vec<Job>) -> Result<(), Error> {
        let (id, before) = {
            let published = self.publish.borrow();
            (published.id().clone(), published.revision())
        };
        let mut batch = match self.store.begin(&id).await {
            Ok(batch) => batch,
            Err(error) => return Err(refuse(jobs, &error.into())),
        };
        let prepared = self.catch_up(&mut batch).await;
        let state = match prepared {
            Ok(state) => state,
            Err(error) => {
                self.state = None;
                return Err(refuse(jobs, &error));
            }
        };
        if jobs.is_empty() {
            drop(batch);
            self.publish_state(state, before);
            return Ok(());
        }
        let Recalled {
            state: base,
            blockers,
            meetings,
            replays,
        } = match self.recall(&mut batch, state, &jobs).await {
            Ok(recalled) => recalled,
            Err(error) => return Err(refuse(jobs, &error)),
        };
        if let Err(error) = renew_books(&mut batch, &mut jobs).await {
            return Err(refuse(jobs, &error));
        }
        let now = self.now(&batch, &base);
        let decided = decide_all(base.clone(), jobs, &replays, now);
        let started = Instant::now();
        let result = commit(batch, &base, &decided).await;
        match result {
            Ok(committed) => {
                self.metrics.observe_commit(started.elapsed());
                self.note(&decided.events);
                if let Some((epoch, rows)) = committed {
                    self.recent.push(&epoch, rows, &decided.events);
                }
                let Decided {
                    mut state,
                    events,
                    requests: _,
                    answers,
                } = decided;
                state.retire(blockers, meetings);
                retire(&mut state, &events);
                self.publish_state(state, before);
                for (reply, answer) in answers {
                    // A caller that has gone away needs no answer.
                    let _ = reply.send(answer);
                }
                Ok(())
            }
            Err(error) => {
                // The database may or may not have committed: read what it holds before the next batch.
                self.state = None;
                tracing::warn!(organization.id = %id, %error, "a batch could not be committed");
                for (reply, answer) in decided.answers {
                    // A caller that has gone away needs no answer.
                    let _ = reply.send(answer.and_then(|_| Err(error.clone())));
                }
                Err(error)
            }
        }
    }

    /// The newest state, with a read of the database at the very same revision: it begins while the head is locked.
    async fn open_audit(&mut self, mut audit: Audit) -> Result<Opened, Error> {
        let (id, before) = {
            let published = self.publish.borrow();
            (published.id().clone(), published.revision())
        };
        let mut batch = self.store.begin(&id).await?;
        let state = match self.catch_up(&mut batch).await {
            Ok(state) => state,
            Err(error) => {
                self.state = None;
                return Err(error);
            }
        };
        let head = audit.open().await?;
        drop(batch);
        self.publish_state(state.clone(), before);
        if head.is_some_and(|head| head.revision == state.revision()) {
            Ok((state, audit))
        } else {
            Err(Error::internal(
                "the database moved on though its head was locked",
            ))
        }
    }

    /// The state as the database holds it, now that the head is locked.
    async fn catch_up(&mut self, batch: &mut Batch) -> Result<Organization, Error> {
        let id = self.publish.borrow().id().clone();
        let Some(Head {
            epoch, revision, ..
        }) = batch.head().cloned()
        else {
            return Ok(Organization::empty(id));
        };
        let same_history = self.epoch.as_ref().is_none_or(|known| *known == epoch);
        self.epoch = Some(epoch.clone());
        if same_history
            && let Some(state) = self.state.clone()
            && state.exists()
            && state.revision() <= revision
        {
            if state.revision() == revision {
                return Ok(state);
            }
            if let Some((state, rows, events)) = follow(batch, state, revision).await? {
                self.recent.push(&epoch, rows, &events);
                return Ok(state);
            }
        }
        self.recent.begin(&epoch, revision);
        self.rollups.clear();
        match batch.load().await? {
            Some(parts) => Ok(Organization::restore(parts)),
            None => Ok(Organization::empty(id)),
        }
    }

    /// Takes in everything closed that the jobs name, and finds the answers of calls that are retried.
    async fn recall(
        &self,
        batch: &mut Batch,
        mut state: Organization,
        jobs: &[Job],
    ) -> Result<Recalled, Error> {
        let ids: Vec<RequestId> = jobs
            .iter()
            .filter_map(|job| job.call.request_id.clone())
            .collect();
        let replays = if ids.is_empty() {
            Vec::new()
        } else {
            batch.requests(&ids).await?
        };
        let mut meetings: Vec<MeetingNumber> = jobs
            .iter()
            .filter_map(|job| job.command.meeting())
            .filter(|number| state.meeting(*number).is_err())
            .collect();
        meetings.sort_unstable();
        meetings.dedup();
        if !meetings.is_empty() {
            let found = batch.meetings(&meetings).await?;
            state.recall(Vec::new(), found);
        }
        let mut blockers: Vec<BlockerNumber> = jobs
            .iter()
            .flat_map(|job| needed_blockers(&state, &job.command))
            .filter(|number| state.blocker(*number).is_err())
            .collect();
        blockers.sort_unstable();
        blockers.dedup();
        if !blockers.is_empty() {
            let found = batch.blockers(&blockers).await?;
            state.recall(found, Vec::new());
        }
        Ok(Recalled {
            state,
            blockers,
            meetings,
            replays: replays
                .into_iter()
                .map(|request| (request.request_id.clone(), request))
                .collect(),
        })
    }

    /// The time of the next revision: later than that of the newest, by the database's clock where replicas share one.
    fn now(&self, batch: &Batch, state: &Organization) -> Timestamp {
        let clock = match &self.clock {
            Clock::System => batch.database_time().unwrap_or_else(|| self.clock.now()),
            Clock::Manual(_) => self.clock.now(),
        };
        clock.max(state.time().plus(Duration::from_micros(1)))
    }

    /// Brings the published figures up to now.
    fn advance(&mut self) {
        if let Some(state) = self.state.clone()
            && state.exists()
        {
            let revision = state.revision();
            self.publish_state(state, revision - 1);
        }
    }

    fn publish_state(&mut self, mut state: Organization, before: i64) {
        state.advance(self.clock.time(&state));
        self.state = Some(state.clone());
        if state.revision() != before || !state.exists() {
            self.publish.send_replace(Arc::new(state));
        }
    }

    fn note(&self, events: &[Event]) {
        for event in events {
            if let Payload::BlockerChanged(change) = &event.payload
                && let ChangeKind::Moved(moved) = &change.kind
                && moved.kind == MoveKind::Escalated
            {
                let cause = match moved.cause {
                    Cause::Meeting(_) => "meeting",
                    Cause::Timer(_) => "timer",
                    Cause::Request(_) => "request",
                };
                self.metrics.count_escalation(cause);
                if let Cause::Timer(due) = moved.cause {
                    self.metrics.observe_timer_lateness(event.at.since(due));
                }
            }
        }
    }
}

/// Answers every job with the same refusal, and gives it back.
fn refuse(jobs: Vec<Job>, error: &Error) -> Error {
    for job in jobs {
        // A caller that has gone away needs no answer.
        let _ = job.reply.send(Err(error.clone()));
    }
    error.clone()
}

/// A repair is decided on what is stored now that the head is locked (E5).
async fn renew_books(batch: &mut Batch, jobs: &mut [Job]) -> Result<(), Error> {
    for job in jobs {
        if let Command::RepairCounters { books, .. } = &mut job.command {
            **books = batch.books().await?;
        }
    }
    Ok(())
}

/// What another replica wrote: the state after it, and the events.
type Followed = (Organization, Vec<EventRow>, Vec<Event>);

/// Folds what another replica wrote into a state. None: a reload is shorter, or needed.
async fn follow(
    batch: &mut Batch,
    mut state: Organization,
    revision: i64,
) -> Result<Option<Followed>, Error> {
    let rows = batch
        .events_after(state.revision(), CATCH_UP_EVENTS)
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(from_record(&row.payload)?);
    }
    for event in &events {
        if state.apply(event).is_err() {
            return Ok(None);
        }
    }
    if state.revision() != revision {
        return Ok(None);
    }
    retire(&mut state, &events);
    Ok(Some((state, rows, events)))
}

/// Decides each job in order, on what the ones before it left.
fn decide_all(
    base: Organization,
    jobs: Vec<Job>,
    replays: &HashMap<RequestId, StoredRequest>,
    now: Timestamp,
) -> Decided {
    let mut decided = Decided {
        state: base,
        events: Vec::new(),
        requests: Vec::new(),
        answers: Vec::with_capacity(jobs.len()),
    };
    let mut now = now;
    for job in jobs {
        let Job {
            call,
            command,
            respond,
            reply,
            span,
        } = job;
        let _entered = span.enter();
        let answer = decide_one(&mut decided, replays, now, call, &command, respond);
        now = now.max(decided.state.time().plus(Duration::from_micros(1)));
        decided.answers.push((reply, answer));
    }
    decided
}

fn decide_one(
    decided: &mut Decided,
    replays: &HashMap<RequestId, StoredRequest>,
    now: Timestamp,
    call: Call,
    command: &Command,
    respond: Respond,
) -> Result<Vec<u8>, Error> {
    let Call {
        method,
        request_id,
        fingerprint,
        actor,
    } = call;
    if let Some(id) = &request_id {
        let first = replays.get(id).or_else(|| {
            decided
                .requests
                .iter()
                .find(|first| first.request_id == *id)
        });
        if let Some(first) = first {
            if first.method == method && first.fingerprint == fingerprint {
                return Ok(first.response.clone());
            }
            return Err(Error::Conflict {
                reason: ConflictReason::RequestIdReused,
                message: format!(
                    "request_id `{}` was used for another call ({}): use a new one",
                    id.as_str(),
                    first.method
                ),
            });
        }
    }
    let context = Context {
        now,
        actor,
        request: match &request_id {
            Some(id) => id.clone(),
            // Without a key the revision identifies the cause: it is used once.
            None => RequestId::new(
                "request_id",
                &format!("revision-{}", decided.state.revision() + 1),
            )?,
        },
    };
    let (decision, response) = guarded(|| {
        let decision = decide(&decided.state, command, &context)?;
        let response = respond(&decision)?;
        Ok((decision, response))
    })?;
    if let Some(request_id) = request_id {
        decided.requests.push(StoredRequest {
            request_id,
            method: method.to_owned(),
            fingerprint,
            response: response.clone(),
            revision: decision.next.revision(),
            at: now,
        });
    }
    decided.state = decision.next;
    decided.events.extend(decision.events);
    Ok(response)
}

/// Runs a pure function; a panic in it becomes an internal error, and nothing is half done.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let cause = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown".to_owned());
        Err(Error::internal(format!("a decision panicked: {cause}")))
    })
}

/// Makes what was decided durable. Gives the epoch and the events as they stand in the log, if there are any.
async fn commit(
    mut batch: Batch,
    base: &Organization,
    decided: &Decided,
) -> Result<Option<(String, Vec<EventRow>)>, Error> {
    if decided.events.is_empty() && decided.requests.is_empty() {
        return Ok(None);
    }
    let mut changes = Changes::between(base, &decided.state, &decided.events);
    changes.events = decided
        .events
        .iter()
        .map(|event| EventRow {
            revision: event.revision,
            index: event.index,
            at: event.at,
            kind: event.payload.kind().to_owned(),
            blocker: event.payload.blocker(),
            payload: to_record(base.id(), event).encode_to_vec(),
        })
        .collect();
    changes.requests.clone_from(&decided.requests);
    batch.flush(&changes).await?;
    let epoch = batch.head().map(|head| head.epoch.clone());
    batch.commit().await?;
    Ok(epoch.map(|epoch| (epoch, changes.events)))
}

/// Lets go of what these events closed.
fn retire(state: &mut Organization, events: &[Event]) {
    let blockers = events.iter().filter_map(|event| event.payload.blocker());
    let meetings = events.iter().filter_map(|event| match &event.payload {
        Payload::MeetingClosed(meeting) => Some(meeting.number),
        _ => None,
    });
    state.retire(blockers, meetings);
}

/// The blockers that a command names, or whose fate the close of a meeting must tell.
fn needed_blockers(state: &Organization, command: &Command) -> Vec<BlockerNumber> {
    let mut needed = command.blockers();
    match command {
        Command::CloseMeeting { number } => {
            if let Ok(meeting) = state.meeting(*number) {
                needed.extend(&meeting.departed);
            }
        }
        // They may close meetings of nodes that are archived.
        Command::ArchiveNode { .. } | Command::ApplyOrganization(_) => {
            needed.extend(state.open_meetings().flat_map(|meeting| &meeting.departed));
        }
        _ => {}
    }
    needed
}
