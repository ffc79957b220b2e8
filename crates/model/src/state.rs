//! A state of the model, small and hashable, and the steps between states.

use crate::{
    audit::Findings,
    ledger::History,
    story::{Call, Job},
};

/// How many replicas there are.
pub(crate) const REPLICAS: usize = 2;

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It is done; the answer shows this state.
    Done(History),
    /// Refused.
    Refused,
}

/// Where a first answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Found {
    /// In the same batch, or the one that is being written.
    Here,
    /// In the database, before a refusal was given.
    ByLook,
    /// In the database, under the lock.
    UnderLock,
}

/// A job that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Taken {
    pub(crate) job: Job,
    pub(crate) answer: Answer,
    /// It has events, and the answer shows the state after them.
    pub(crate) has_events: bool,
    /// The answer is the first one of the same call.
    pub(crate) found: Option<Found>,
    /// Its first answer was stored when it came in.
    pub(crate) is_late: bool,
    /// It was decided on a state that was not the newest when it came in.
    pub(crate) is_behind: bool,
}

impl Taken {
    /// True if its answer is to be kept for retries.
    pub(crate) const fn is_kept(&self) -> bool {
        matches!(
            (self.job, self.answer, self.found),
            (Job::Call(_), Answer::Done(_), None)
        )
    }

    /// True if it must be looked up whether it was answered before.
    pub(crate) const fn is_doubtful(&self) -> bool {
        matches!((self.job, self.answer), (Job::Call(_), Answer::Refused))
    }
}

/// Jobs decided in order, each on what the ones before it left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Batch {
    pub(crate) base: History,
    pub(crate) jobs: Vec<Taken>,
}

impl Batch {
    /// The state that it leaves.
    pub(crate) fn after(&self) -> History {
        self.written().last().unwrap_or(self.base)
    }

    /// The revisions that it writes.
    pub(crate) fn written(&self) -> impl DoubleEndedIterator<Item = History> {
        self.jobs.iter().filter_map(|taken| match taken.answer {
            Answer::Done(history) if taken.has_events => Some(history),
            _ => None,
        })
    }

    pub(crate) fn writes(&self) -> bool {
        let mut jobs = self.jobs.iter();
        jobs.any(|taken| taken.has_events || taken.is_kept())
    }
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// It has taken off.
    Aloft,
    /// What is refused was looked up.
    Looked,
    /// What it writes is committed; nobody knows yet.
    Committed,
    /// It was not written: the head had moved, or an answer was there already.
    Undone,
    /// The head is locked, and it was decided again.
    Locked,
    /// As [`Phase::Committed`], in the locked way.
    CommittedLocked,
}

/// A batch that is being written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Flight {
    pub(crate) batch: Batch,
    pub(crate) phase: Phase,
}

/// The newest end of the log, as a replica has it for watchers. Revisions count from the beginning of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Recent {
    /// Everything after this revision is here.
    pub(crate) after: usize,
    /// Up to this one.
    pub(crate) newest: usize,
    pub(crate) revisions: Vec<History>,
}

impl Recent {
    /// Begins anew after a revision.
    pub(crate) const fn behind(revision: usize) -> Self {
        Self {
            after: revision,
            newest: revision,
            revisions: Vec::new(),
        }
    }
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Replica {
    pub(crate) is_up: bool,
    /// The newest state that it has published.
    pub(crate) known: History,
    /// False after a commit whose end is unknown: the database must be read again.
    pub(crate) is_sure: bool,
    /// Outrun by the other one: the head is locked first.
    pub(crate) locks_first: bool,
    pub(crate) open: Option<Batch>,
    pub(crate) flight: Option<Flight>,
    pub(crate) recent: Recent,
}

impl Replica {
    /// A server that has loaded a state.
    pub(crate) const fn started(known: History, revision: usize) -> Self {
        Self {
            is_up: true,
            known,
            is_sure: true,
            locks_first: false,
            open: None,
            flight: None,
            recent: Recent::behind(revision),
        }
    }

    /// A server that is down.
    pub(crate) const fn down(genesis: History) -> Self {
        let mut replica = Self::started(genesis, 0);
        replica.is_up = false;
        replica
    }

    /// Everything that it has in hand.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Taken> {
        let flying = self.flight.iter().flat_map(|flight| &flight.batch.jobs);
        flying.chain(self.open.iter().flat_map(|open| &open.jobs))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_none() && self.open.is_none()
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.flight.as_ref().map(|flight| flight.phase)
    }
}

/// What a client knows of its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    /// How often it was sent.
    pub(crate) sent: u8,
    pub(crate) is_answered: bool,
}

/// Everything, at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Strokes of the clock so far.
    pub(crate) stroke: u8,
    /// What is committed, in order.
    pub(crate) log: Vec<History>,
    /// First answers that are committed, in the order of [`Call::ALL`].
    pub(crate) stored: [Option<History>; Call::ALL.len()],
    /// Who has the head locked.
    pub(crate) lock: Option<usize>,
    pub(crate) replicas: [Replica; REPLICAS],
    /// In the order of [`Call::ALL`].
    pub(crate) clients: [Client; Call::ALL.len()],
    pub(crate) crashes_left: u8,
    pub(crate) losses_left: u8,
    /// What is broken.
    pub(crate) findings: Findings,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A job comes in and is decided on what the replica knows, or on what is being written. A batch takes off as soon as
    /// nothing flies.
    Take(usize, Job),
    /// A job comes in and waits for the lock.
    Await(usize, Job),
    /// Two jobs come in at once and are one batch.
    TakeTwo(usize, Job, Job),
    /// First answers are looked up, and the head if nothing will be written.
    Look(usize),
    /// The head is compared and moved, with all that is written.
    Commit(usize),
    /// As [`Action::Commit`], but the connection is lost: true if the database had committed.
    Lose(usize, bool),
    /// What was committed is published, and callers are answered.
    Land(usize),
    /// The head is locked, what others wrote is folded in, and everything in hand is decided again.
    Lock(usize),
    /// The replica follows what the other one wrote.
    Refresh(usize),
    /// The replica dies.
    Crash(usize),
    /// The replica comes back and loads.
    Restart(usize),
    /// The clock strikes.
    Strike,
}
