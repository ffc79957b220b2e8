//! Every organization that the model has come to, each once, under a short name.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use echelon_domain::{Organization, event::Event};

use crate::{
    audit::{self, Findings},
    story::{self, Job},
};

/// Names the state after a revision. It is made of what was decided, on what and when, so that it is the same in every
/// run and on every thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct History {
    name: u64,
    /// Which revision it is, counted from the beginning of the model.
    pub(crate) number: u8,
}

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// There are events, and the state after them.
    Written(History),
    /// It is as wanted already: an answer and no event.
    Unchanged,
    /// Refused.
    Refused,
}

/// One revision.
pub(crate) struct Revision {
    /// The state that it was decided on.
    pub(crate) on: History,
    pub(crate) job: Job,
    pub(crate) events: Vec<Event>,
    pub(crate) state: Organization,
    /// The first stroke of the clock at which something is due.
    due_at: Option<u8>,
}

/// A job, decided on a state at a stroke of the clock.
type Question = (History, Job, u8);

/// The organizations, and what was decided and found about them.
pub struct Ledger {
    genesis: History,
    revisions: RwLock<HashMap<History, Arc<Revision>>>,
    verdicts: RwLock<HashMap<Question, Verdict>>,
    findings: RwLock<HashMap<Vec<History>, Findings>>,
}

/// Strokes of the clock that are told apart.
const STROKES: u8 = 4;

impl Ledger {
    /// A ledger that holds the beginning.
    ///
    /// # Panics
    ///
    /// If the domain refuses to make the organization that the model begins with.
    #[must_use]
    pub fn new() -> Self {
        let state = story::genesis().expect("the domain makes the organization of the model");
        let genesis = History { name: 0, number: 0 };
        let beginning = Revision {
            on: genesis,
            job: Job::Timers,
            events: Vec::new(),
            due_at: due_at(&state),
            state,
        };
        Self {
            genesis,
            revisions: RwLock::new(HashMap::from([(genesis, Arc::new(beginning))])),
            verdicts: RwLock::default(),
            findings: RwLock::default(),
        }
    }

    /// The state that everything begins with.
    #[must_use]
    pub const fn genesis(&self) -> History {
        self.genesis
    }

    /// Decides a job with the domain, once for each state and stroke of the clock.
    pub(crate) fn decide(&self, on: History, job: Job, stroke: u8) -> Verdict {
        let question = (on, job, stroke);
        if let Some(verdict) = read(&self.verdicts).get(&question) {
            return *verdict;
        }
        let before = self.revision(on);
        let verdict = match story::decide_job(&before.state, job, story::time(stroke)) {
            Err(_) => Verdict::Refused,
            Ok(decision) if decision.events.is_empty() => Verdict::Unchanged,
            Ok(decision) => {
                let name = name(question);
                let revision = Revision {
                    on,
                    job,
                    events: decision.events,
                    due_at: due_at(&decision.next),
                    state: decision.next,
                };
                let mut revisions = write(&self.revisions);
                let known = revisions.entry(name).or_insert_with(|| Arc::new(revision));
                assert!(
                    known.on == on && known.job == job,
                    "two revisions have one name"
                );
                Verdict::Written(name)
            }
        };
        write(&self.verdicts).insert(question, verdict);
        verdict
    }

    /// True if something is due in a state at a stroke of the clock.
    pub(crate) fn is_due(&self, history: History, stroke: u8) -> bool {
        let due_at = self.revision(history).due_at;
        due_at.is_some_and(|due| due <= stroke)
    }

    /// A revision that was made here.
    pub(crate) fn revision(&self, history: History) -> Arc<Revision> {
        read(&self.revisions)
            .get(&history)
            .expect("a history is named by the ledger that made it")
            .clone()
    }

    /// What there is to say about a log, once for each log.
    pub(crate) fn findings(&self, log: &[History]) -> Findings {
        if let Some(findings) = read(&self.findings).get(log) {
            return *findings;
        }
        let findings = audit::audit(self, log);
        write(&self.findings).insert(log.to_vec(), findings);
        findings
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

fn due_at(state: &Organization) -> Option<u8> {
    let next = state.next_timer()?;
    (0..STROKES).find(|stroke| next <= story::time(*stroke))
}

/// FNV-1a over the question.
fn name((on, job, stroke): Question) -> History {
    let job = match job {
        Job::Call(call) => call as u8,
        Job::Timers => u8::MAX,
    };
    let bytes = on.name.to_le_bytes().into_iter().chain([job, stroke]);
    History {
        name: bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }),
        number: on.number + 1,
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
