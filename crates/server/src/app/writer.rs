//! Group commit: the writer of one organization.
//!
//! While one batch is on its way to the disk, the commands that come in are decided on what it will leave, and make up the
//! next batch. A batch is written only if the head still is where it was when its commands were decided, so each
//! guard holds at the moment of its commit (E5) without a lock while it is evaluated. If somebody else has written in
//! between, nothing is written: the head is locked, what others wrote is folded in, and everything is decided again.
//! Callers are answered, and the new state is published, after the commit.

mod database_clock;
mod decided;
mod flight;
mod job;
mod locked;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, Organization, OrganizationId, Timestamp,
    blocker::{Cause, ChangeKind, MoveKind},
    command::Command,
    event::{Event, Payload},
};
use echelon_store::{Committed, DatabaseKind, EventRow, Head, Store, StoreError};
use tokio::sync::{mpsc, watch};

use self::{
    database_clock::DatabaseClock,
    decided::{Decided, Firsts},
    flight::{Flight, Landed},
};
use super::{recent::Recent, rollups::Rollups, runtime::Order};
use crate::{clock::Clock, metrics::Metrics};

pub(super) use decided::guarded;
pub(super) use job::Job;

/// Batches that lock the head first, after somebody else has written in between: whoever does so once does so again.
const LOCKED_AFTER_A_RACE: u32 = 16;

/// The writer of one organization.
pub(super) struct Writer {
    store: Store,
    clock: Clock,
    database_clock: DatabaseClock,
    metrics: Arc<Metrics>,
    publish: watch::Sender<Arc<Organization>>,
    recent: Arc<Recent>,
    rollups: Arc<Rollups>,
    /// The newest state that is known to be committed. None after a commit whose end is unknown, and while the organization
    /// does not exist: what the database holds must be read again, under the lock.
    known: Option<Known>,
    /// Batches that are still to lock the head first.
    locked_ahead: u32,
    batch_size: usize,
}

/// A committed state.
#[derive(Clone)]
pub(super) struct Known {
    /// Of which history.
    pub(super) epoch: String,
    pub(super) state: Organization,
}

impl Known {
    /// The head that the database has if nobody else has written since.
    fn head(&self) -> Head {
        Head {
            epoch: self.epoch.clone(),
            revision: self.state.revision(),
            time: self.state.time(),
        }
    }
}

/// What the writer has at hand.
#[derive(Default)]
struct Hands {
    /// What came in and has had no turn.
    backlog: VecDeque<Order>,
    /// The batch that is being written.
    flight: Option<Flight>,
    /// The batch that follows: decided on what the flight will leave.
    open: Option<Decided>,
}

impl Hands {
    fn are_empty(&self) -> bool {
        self.backlog.is_empty() && self.flight.is_none() && self.open.is_none()
    }

    fn open_jobs(&self) -> usize {
        self.open.as_ref().map_or(0, Decided::len)
    }

    /// Jobs at the front of the backlog, at most so many.
    fn take_jobs(&mut self, most: usize) -> Vec<Job> {
        let mut jobs = Vec::new();
        while jobs.len() < most
            && let Some(order) = self
                .backlog
                .pop_front_if(|order| matches!(order, Order::Job(_)))
        {
            if let Order::Job(job) = order {
                jobs.push(*job);
            }
        }
        jobs
    }
}

impl Writer {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
        publish: watch::Sender<Arc<Organization>>,
        (recent, rollups): (Arc<Recent>, Arc<Rollups>),
        known: Option<Known>,
        batch_size: usize,
    ) -> Self {
        Self {
            store,
            clock,
            database_clock: DatabaseClock::default(),
            metrics,
            publish,
            recent,
            rollups,
            known,
            locked_ahead: 0,
            batch_size,
        }
    }

    /// Works until every handle is gone, and everything that was taken is answered.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Order>) {
        let mut hands = Hands::default();
        let mut taken = Vec::with_capacity(self.batch_size);
        let mut is_closed = false;
        loop {
            let room = self.batch_size.saturating_sub(hands.open_jobs());
            let takes = hands.backlog.is_empty() && room > 0 && !is_closed;
            tokio::select! {
                biased;
                landed = flight::landing(&mut hands.flight), if hands.flight.is_some() => {
                    hands.flight = None;
                    self.land(landed, &mut hands).await;
                }
                count = queue.recv_many(&mut taken, room), if takes => {
                    is_closed = count == 0;
                    hands.backlog.extend(taken.drain(..));
                }
                // Nothing flies, and nothing more can come.
                else => return,
            }
            self.work(&mut hands).await;
            if is_closed && hands.are_empty() {
                return;
            }
            self.note_queue(queue.len());
        }
    }

    /// Does what can be done now. Afterwards something flies, or nothing is left to do.
    async fn work(&mut self, hands: &mut Hands) {
        loop {
            match hands.backlog.front() {
                Some(Order::Job(_)) if self.may_decide(hands) => {
                    let has_room = hands.open_jobs() < self.batch_size;
                    if has_room && self.decide_next(hands).await {
                        continue;
                    }
                }
                // Everything else needs the newest committed state, and for itself.
                Some(_) if hands.flight.is_none() && hands.open.is_none() => {
                    self.do_alone(hands).await;
                    continue;
                }
                _ => {}
            }
            if hands.flight.is_some() || hands.open.is_none() {
                return;
            }
            self.take_off(hands);
        }
    }

    /// Whether commands may be decided without a lock.
    fn may_decide(&self, hands: &Hands) -> bool {
        hands.flight.is_some()
            || hands.open.is_some()
            || (self.locked_ahead == 0 && self.known.is_some())
    }

    /// Decides the next job of the backlog. False if it must wait for what flies.
    async fn decide_next(&mut self, hands: &mut Hands) -> bool {
        let before = match (&hands.flight, &self.known) {
            (Some(flight), _) => flight.after(),
            (None, Some(known)) => known,
            (None, None) => return false,
        };
        let Some(Order::Job(job)) = hands.backlog.front() else {
            return false;
        };
        let state = hands
            .open
            .as_ref()
            .map_or(&before.state, |open| &open.state);
        let missing = Missing::of(state, &job.command);
        if hands.flight.is_some() && !missing.is_empty() {
            // The database does not show yet what is being written of them.
            return false;
        }
        let before = before.clone();
        let Some(Order::Job(job)) = hands.backlog.pop_front() else {
            return false;
        };
        let mut open = match hands.open.take() {
            Some(open) => open,
            None => Decided::on(before),
        };
        match self.prepare(&mut open, &job.command, missing).await {
            Ok(clock) => {
                let now = clock.max(open.state.time().plus(Duration::from_micros(1)));
                let flying = hands.flight.as_ref().map(Flight::firsts);
                open.decide(*job, &Firsts::known(flying), now);
            }
            Err(error) => job.answer(Err(error.into())),
        }
        if open.len() > 0 {
            hands.open = Some(open);
        }
        true
    }

    /// Brings what a command names and is not at hand, and tells the time.
    async fn prepare(
        &mut self,
        open: &mut Decided,
        command: &Command,
        missing: Missing,
    ) -> Result<Timestamp, StoreError> {
        let id = open.state.id().clone();
        let mut missing = missing;
        if !missing.meetings.is_empty() {
            let found = self.store.meetings_numbered(&id, &missing.meetings).await?;
            open.recall(Vec::new(), found);
            // A meeting tells of more.
            missing = Missing::of(&open.state, command);
        }
        if !missing.blockers.is_empty() {
            let found = self.store.blockers_numbered(&id, &missing.blockers).await?;
            open.recall(found, Vec::new());
        }
        self.time(&id).await
    }

    /// The clock that revisions are told by: the database's where replicas share one.
    async fn time(&mut self, id: &OrganizationId) -> Result<Timestamp, StoreError> {
        let has_no_clock = self.store.kind() == DatabaseKind::Sqlite;
        if has_no_clock || matches!(self.clock, Clock::Manual(_)) {
            return Ok(self.clock.now());
        }
        if let Some(time) = self.database_clock.now() {
            return Ok(self.clock.of_write(Some(time)));
        }
        let look = self.store.look(id, &[]).await?;
        self.database_clock.read(look.database_time);
        Ok(self.clock.of_write(self.database_clock.now()))
    }

    /// Sends the open batch on its way.
    fn take_off(&mut self, hands: &mut Hands) {
        let Some(open) = hands.open.take() else {
            return;
        };
        self.metrics.observe_batch(open.len());
        let mut after = open.after();
        // Once for all who follow: when many clocks run out at once it takes a while.
        after.state.advance(self.clock.time(&after.state));
        hands.flight = Some(Flight::begin(self.store.clone(), open, after));
    }

    /// Takes over what a flight has come to.
    async fn land(&mut self, landed: Landed, hands: &mut Hands) {
        let follows =
            |hands: &mut Hands| hands.open.take().map_or_else(Vec::new, Decided::into_jobs);
        let Landed {
            decided,
            replays,
            written,
            after,
            started,
        } = landed;
        match written {
            Ok(written) => {
                // To let a state go takes a while, and nobody need wait for it.
                let _before = self.accept(written, after, &decided.events, started);
                decided.answer(&replays);
            }
            Err(error) if error.is_undone() => {
                if matches!(error, StoreError::Stale { .. }) {
                    self.locked_ahead = LOCKED_AFTER_A_RACE;
                }
                tracing::debug!(%error, "a batch is decided again with the head locked");
                let mut jobs = decided.into_jobs();
                jobs.extend(follows(hands));
                self.decide_locked(jobs).await;
            }
            Err(error) => {
                // The database may or may not have committed: read what it holds before the next batch.
                self.known = None;
                let error = Error::from(error);
                let organization = after.state.id();
                self.metrics.count_failed_batch();
                tracing::warn!(organization.id = %organization, %error, "a batch could not be committed");
                decided.refuse(&error);
                let jobs = follows(hands);
                self.decide_locked(jobs).await;
            }
        }
    }

    /// What needs the newest committed state and nothing beside it.
    async fn do_alone(&mut self, hands: &mut Hands) {
        let Some(order) = hands.backlog.pop_front() else {
            return;
        };
        match order {
            Order::Job(job) => {
                let mut jobs = vec![*job];
                jobs.extend(hands.take_jobs(self.batch_size - 1));
                self.metrics.observe_batch(jobs.len());
                self.decide_locked(jobs).await;
            }
            Order::Repair(job) => self.decide_locked(vec![*job]).await,
            Order::Audit(audit, reply) => {
                // An audit that has gone away needs no answer.
                let _ = reply.send(self.open_audit(audit).await);
            }
            Order::Refresh(reply) => {
                // A caller that has gone away needs no answer.
                let _ = reply.send(self.refresh().await);
            }
            Order::Advance => self.advance(),
        }
    }

    /// Takes over a state whose batch is durable. Gives the one that was published before, if another is now.
    fn accept(
        &mut self,
        written: Option<(Committed, Vec<EventRow>)>,
        after: Known,
        events: &[Event],
        started: Instant,
    ) -> Option<Arc<Organization>> {
        if let Some((committed, rows)) = written {
            self.metrics.observe_commit(started.elapsed());
            self.database_clock.read(committed.database_time);
            self.note(events);
            self.recent.push(&committed.head.epoch, rows, events);
        } else if self.publish.borrow().revision() == after.state.revision() {
            // Nobody need look again.
            self.known = Some(after);
            return None;
        }
        Some(self.publish_state(after))
    }

    /// Brings the published figures up to now.
    fn advance(&mut self) {
        if let Some(known) = self.known.clone() {
            self.publish_state(known);
        }
    }

    /// Makes a committed state the newest, with the figures of now, and gives the one before it.
    fn publish_state(&mut self, mut known: Known) -> Arc<Organization> {
        known.state.advance(self.clock.time(&known.state));
        let before = self.publish.send_replace(Arc::new(known.state.clone()));
        self.known = Some(known);
        before
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

    fn note_queue(&self, length: usize) {
        let published = self.publish.borrow();
        // A name that nobody has created is no label.
        if published.exists() {
            self.metrics
                .set_queue_length(published.id().as_str(), length);
        }
    }
}

/// What a command names and is not at hand, because it is closed.
struct Missing {
    blockers: Vec<BlockerNumber>,
    meetings: Vec<MeetingNumber>,
}

impl Missing {
    fn of(state: &Organization, command: &Command) -> Self {
        let meeting = command.meeting();
        let mut blockers = needed_blockers(state, command);
        blockers.retain(|number| state.blocker(*number).is_err());
        Self {
            blockers,
            meetings: meeting
                .filter(|number| state.meeting(*number).is_err())
                .into_iter()
                .collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.blockers.is_empty() && self.meetings.is_empty()
    }
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

/// Lets go of what these events closed.
fn retire(state: &mut Organization, events: &[Event]) {
    let blockers = events.iter().filter_map(|event| event.payload.blocker());
    let meetings = events.iter().filter_map(|event| match &event.payload {
        Payload::MeetingClosed(meeting) => Some(meeting.number),
        _ => None,
    });
    state.retire(blockers, meetings);
}
