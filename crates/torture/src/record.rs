//! What a run leaves behind: what clients were told, what watchers saw, what the log holds. The checker reads nothing else.

mod call;
mod history;
mod sight;

use echelon_api::v1;

use crate::plan::Database;

pub use call::{Answer, Attempt, Call, Outcome};
pub use history::{History, Logged, fingerprint};
pub use sight::{Opening, Seen, Sight, Verdict};

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Record {
    /// On which database it ran.
    pub database: Database,
    /// Every mutating call.
    pub calls: Vec<Call>,
    /// Every read of a roll-up.
    pub rollups: Vec<SeenRollup>,
    /// Every read that asked for a revision.
    pub reads: Vec<SeenRead>,
    /// Every explanation of what comes next.
    pub foretold: Vec<Foretold>,
    /// Every answer that says as of when it is.
    pub times: Vec<SeenTime>,
    /// What each watcher saw, one for each history.
    pub sights: Vec<Sight>,
    /// The histories: one, and one more for each restore.
    pub histories: Vec<History>,
    /// What went wrong on purpose, or because the machine stood still.
    pub spells: Vec<Spell>,
    /// Where the clock stood, in the order of time.
    pub clock: Vec<ClockStep>,
    /// What `echelond check` found, and what else the servers' own tools say is wrong.
    pub findings: Vec<String>,
    /// The log as another database has it, after an export and an import; none if there is no other one.
    pub twin: Option<Vec<Logged>>,
    /// What servers should not have done: panics in their logs, and what did not recover.
    pub complaints: Vec<String>,
}

/// A roll-up that somebody was told.
#[derive(Clone, Debug)]
pub struct SeenRollup {
    /// In which history.
    pub history: usize,
    /// The id of the node.
    pub node: String,
    /// The revision that it claims.
    pub revision: i64,
    /// The figures.
    pub figures: v1::RollupFigures,
}

/// A read that asked for a revision.
#[derive(Clone, Debug)]
pub struct SeenRead {
    /// Which method.
    pub method: &'static str,
    /// Of which replica.
    pub replica: usize,
    /// The revision asked for.
    pub asked: i64,
    /// The revision of the answer.
    pub revision: i64,
}

/// What a server said would happen next to a blocker.
#[derive(Clone, Debug)]
pub struct Foretold {
    /// In which history.
    pub history: usize,
    /// Resource name of the blocker.
    pub blocker: String,
    /// The revision that it was said at.
    pub revision: i64,
    /// The step.
    pub next: v1::NextStep,
    /// The time that it was said as of, in microseconds of the servers' clock.
    pub as_of_us: i64,
}

/// An answer that says as of when it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTime {
    /// Which method.
    pub method: &'static str,
    /// Of which replica.
    pub replica: usize,
    /// When it was asked for, in microseconds of the machine's clock.
    pub asked_us: i64,
    /// When it came.
    pub told_us: i64,
    /// What it says, in microseconds of the servers' clock.
    pub as_of_us: i64,
}

/// A time in which something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spell {
    /// What was wrong.
    pub name: String,
    /// When it began, in microseconds of the machine's clock.
    pub began_us: i64,
    /// When it was over, and servers ready again.
    pub ended_us: i64,
    /// Whether servers could be expected to act on timers.
    pub excuse: Excuse,
}

/// Whether a timer may be late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// No: whatever is wrong, a server lives and can act.
    Nothing,
    /// Only while nothing is committed: a server that hangs may have the head locked. Where another one commits, it can
    /// act on timers as well.
    NobodyWrites,
    /// Yes.
    Everything,
}

/// A change of the clock that servers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStep {
    /// When, in microseconds of the machine's clock.
    pub at_us: i64,
    /// By how much the servers' clock is off from then on.
    pub shift_us: i64,
}
