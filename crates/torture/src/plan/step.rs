//! What a client does next: which call, on what, and how it behaves about it. Things that exist only at run time, such as
//! blockers, are chosen by a number of the plan among those that are known then.

use std::time::Duration;

use super::{Dice, shape::VARIANTS};

/// Chooses one of whatever there is.
pub type Choice = u64;

/// One call of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Raises a blocker.
    Raise {
        /// The team that raises it.
        team: Choice,
        /// 1 for LOW to 4 for CRITICAL.
        severity: i32,
        /// One of a few dedupe keys.
        key: Option<u64>,
        /// Whether nobody's name is kept.
        anonymous: bool,
        /// A due date in so many milliseconds.
        due_ms: Option<u64>,
        /// The team that causes it.
        causing: Option<Choice>,
    },
    /// Edits a blocker's severity.
    Edit {
        /// The blocker.
        blocker: Choice,
        /// The new severity.
        severity: i32,
    },
    /// Comments on a blocker.
    Comment {
        /// The blocker.
        blocker: Choice,
    },
    /// Acknowledges a blocker for a while.
    Acknowledge {
        /// The blocker.
        blocker: Choice,
        /// How long.
        for_ms: u64,
    },
    /// Owns a blocker, which also ends a hold.
    Own {
        /// The blocker.
        blocker: Choice,
        /// Commits to a date in so many milliseconds.
        commit_ms: Option<u64>,
    },
    /// Holds a blocker for a while.
    Hold {
        /// The blocker.
        blocker: Choice,
        /// How long.
        for_ms: u64,
    },
    /// Resolves a blocker.
    Resolve {
        /// The blocker.
        blocker: Choice,
    },
    /// Verifies a resolved blocker.
    Verify {
        /// The blocker.
        blocker: Choice,
    },
    /// Reopens a closed blocker.
    Reopen {
        /// The blocker.
        blocker: Choice,
    },
    /// Withdraws a blocker.
    Withdraw {
        /// The blocker.
        blocker: Choice,
    },
    /// Merges a blocker into another.
    Merge {
        /// The blocker.
        blocker: Choice,
        /// The other.
        into: Choice,
    },
    /// Moves a blocker up by hand.
    Escalate {
        /// The blocker.
        blocker: Choice,
    },
    /// Moves a blocker back down.
    Return {
        /// The blocker.
        blocker: Choice,
    },
    /// Opens a meeting.
    OpenMeeting {
        /// The node.
        node: Choice,
    },
    /// Checks in to an open meeting.
    CheckIn {
        /// The meeting.
        meeting: Choice,
        /// How many blockers it names.
        blockers: u64,
    },
    /// Closes a meeting.
    CloseMeeting {
        /// The meeting.
        meeting: Choice,
    },
    /// Moves a team or a Scrum of Scrums below another parent.
    MoveNode {
        /// The node.
        node: Choice,
        /// The parent.
        parent: Choice,
    },
    /// Archives a team.
    ArchiveNode {
        /// The team.
        team: Choice,
    },
    /// Makes the whole tree as it was at first: nodes move back and are restored.
    Apply,
    /// Creates a policy at a node.
    CreatePolicy {
        /// The node.
        node: Choice,
        /// Which rules.
        variant: u64,
    },
    /// Gives a policy other rules.
    UpdatePolicy {
        /// The policy.
        policy: Choice,
        /// Which rules.
        variant: u64,
    },
    /// Pins what is in flight to the newest version.
    Rebase {
        /// The policy.
        policy: Choice,
    },
    /// Reads, at least of the revision of the last write.
    Read {
        /// What.
        what: Read,
        /// On which node or blocker.
        on: Choice,
    },
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// One blocker.
    Blocker,
    /// A roll-up.
    Rollup,
    /// Why a blocker is where it is, and what comes next.
    Explain,
    /// What a node's next meeting looks at.
    Agenda,
    /// A list of blockers.
    Blockers,
}

/// One step of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long it waits before.
    pub pause: Duration,
    /// What it does.
    pub action: Action,
    /// Through which replica first.
    pub replica: u64,
    /// Whether a lost call is tried at the next replica, or at the same one.
    pub roams: bool,
    /// Whether the same request is sent again after its answer, through another replica.
    pub repeats: bool,
    /// Whether an older request of this client is sent again.
    pub recalls: Option<Choice>,
}

/// Makes an action of its kind.
type Make = fn(&mut Dice) -> Action;

/// How often each action comes, in parts of their sum.
const WEIGHTS: [(u64, Make); 23] = [
    (150, raise),
    (40, |dice| Action::Edit {
        blocker: dice.throw(),
        severity: severity(dice),
    }),
    (30, |dice| Action::Comment {
        blocker: dice.throw(),
    }),
    (60, |dice| Action::Acknowledge {
        blocker: dice.throw(),
        for_ms: dice.between(800, 6_000),
    }),
    (60, |dice| Action::Own {
        blocker: dice.throw(),
        commit_ms: (!dice.one_in(3)).then(|| dice.between(800, 8_000)),
    }),
    (35, |dice| Action::Hold {
        blocker: dice.throw(),
        for_ms: dice.between(800, 5_000),
    }),
    (90, |dice| Action::Resolve {
        blocker: dice.throw(),
    }),
    (50, |dice| Action::Verify {
        blocker: dice.throw(),
    }),
    (25, |dice| Action::Reopen {
        blocker: dice.throw(),
    }),
    (30, |dice| Action::Withdraw {
        blocker: dice.throw(),
    }),
    (20, |dice| Action::Merge {
        blocker: dice.throw(),
        into: dice.throw(),
    }),
    (25, |dice| Action::Escalate {
        blocker: dice.throw(),
    }),
    (30, |dice| Action::Return {
        blocker: dice.throw(),
    }),
    (50, |dice| Action::OpenMeeting { node: dice.throw() }),
    (40, |dice| Action::CheckIn {
        meeting: dice.throw(),
        blockers: dice.below(4),
    }),
    (50, |dice| Action::CloseMeeting {
        meeting: dice.throw(),
    }),
    (20, |dice| Action::MoveNode {
        node: dice.throw(),
        parent: dice.throw(),
    }),
    (8, |dice| Action::ArchiveNode { team: dice.throw() }),
    (8, |_| Action::Apply),
    (6, |dice| Action::CreatePolicy {
        node: dice.throw(),
        variant: dice.below(VARIANTS),
    }),
    (10, |dice| Action::UpdatePolicy {
        policy: dice.throw(),
        variant: dice.below(VARIANTS),
    }),
    (8, |dice| Action::Rebase {
        policy: dice.throw(),
    }),
    (140, |dice| Action::Read {
        what: [
            Read::Blocker,
            Read::Rollup,
            Read::Rollup,
            Read::Explain,
            Read::Agenda,
            Read::Blockers,
        ][dice.index(6)],
        on: dice.throw(),
    }),
];

impl Step {
    /// The step that these dice choose.
    #[must_use]
    pub fn new(dice: &mut Dice) -> Self {
        Self {
            pause: Duration::from_millis(dice.between(5, 240)),
            action: action(dice),
            replica: dice.throw(),
            roams: dice.one_in(2),
            repeats: dice.one_in(8),
            recalls: dice.one_in(40).then(|| dice.throw()),
        }
    }
}

fn action(dice: &mut Dice) -> Action {
    let sum = WEIGHTS.iter().map(|(weight, _)| weight).sum();
    let mut left = dice.below(sum);
    for (weight, make) in WEIGHTS {
        if left < weight {
            return make(dice);
        }
        left -= weight;
    }
    Action::Apply
}

fn raise(dice: &mut Dice) -> Action {
    Action::Raise {
        team: dice.throw(),
        severity: severity(dice),
        key: dice.one_in(5).then(|| dice.below(12)),
        anonymous: dice.one_in(12),
        due_ms: dice.one_in(5).then(|| dice.between(1_000, 10_000)),
        causing: dice.one_in(4).then(|| dice.throw()),
    }
}

const fn severity(dice: &mut Dice) -> i32 {
    match dice.below(10) {
        0 => 4,
        1..=3 => 3,
        4..=7 => 2,
        _ => 1,
    }
}
