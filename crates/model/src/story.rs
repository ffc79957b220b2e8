//! What the model is about: a team with two blockers and an open meeting, and the calls that race.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, NodeId, Organization, OrganizationId, PolicyId, RequestId,
    Timestamp,
    blocker::Severity,
    command::{Command, Context, NewBlocker},
    decide::{Decision, decide},
    node::Level,
    policy::{Action, ClockBase, Late, Rule, Trigger},
    profile::SettingsPatch,
};

/// 2026-03-02T09:00:00Z, a Monday.
const START: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);
/// Each stroke of the clock is an hour and so much apart, so that what began after one stroke is due at the next.
const MORE: Duration = Duration::from_secs(30);

/// The blocker that is resolved, or put on hold.
pub(crate) const FIRST: BlockerNumber = BlockerNumber::new(1);
/// The blocker that is acknowledged.
const SECOND: BlockerNumber = BlockerNumber::new(2);
const MEETING: MeetingNumber = MeetingNumber::new(1);

/// A call of a client, each with a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Closes the meeting of the team, which escalates what it did not solve.
    Close,
    /// Resolves the first blocker.
    Resolve,
    /// Moves the team below another Scrum of Scrums.
    Move,
    /// Acknowledges the second blocker for longer than the model's time.
    Acknowledge,
    /// Puts the first blocker on hold for longer than the model's time.
    Hold,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 5] = [
        Self::Close,
        Self::Resolve,
        Self::Move,
        Self::Acknowledge,
        Self::Hold,
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Resolve => "resolve",
            Self::Move => "move",
            Self::Acknowledge => "acknowledge",
            Self::Hold => "hold",
        }
    }
}

/// What a writer is given to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// A call, perhaps not for the first time.
    Call(Call),
    /// The worker's turn.
    Timers,
}

/// The time at a stroke of the clock.
pub(crate) fn time(stroke: u8) -> Timestamp {
    START.plus((HOUR + MORE) * u32::from(stroke) + MORE)
}

/// Decides a job on a state, as a writer does.
pub(crate) fn decide_job(
    state: &Organization,
    job: Job,
    clock: Timestamp,
) -> Result<Decision, Error> {
    let now = clock.max(state.time().plus(Duration::from_micros(1)));
    let mut state = state.clone();
    state.advance(now);
    let key = match job {
        Job::Call(call) => call.key().to_owned(),
        Job::Timers => format!("revision-{}", state.revision() + 1),
    };
    let context = Context {
        now,
        actor: None,
        request: RequestId::new("request_id", &key)?,
    };
    decide(&state, &command(job, now)?, &context)
}

fn command(job: Job, now: Timestamp) -> Result<Command, Error> {
    Ok(match job {
        Job::Timers => Command::PassTimers {
            limit: 400,
            apart: BTreeSet::new(),
        },
        Job::Call(Call::Close) => Command::CloseMeeting { number: MEETING },
        Job::Call(Call::Resolve) => Command::ResolveBlocker {
            number: FIRST,
            resolution: "the key was renewed".to_owned(),
            etag: None,
        },
        Job::Call(Call::Move) => Command::MoveNode {
            id: node("payments")?,
            new_parent: node("platform")?,
            etag: None,
        },
        Job::Call(Call::Acknowledge) => Command::AcknowledgeBlocker {
            number: SECOND,
            until: Some(time(9)),
            etag: None,
        },
        Job::Call(Call::Hold) => Command::HoldBlocker {
            number: FIRST,
            until: time(9).max(now),
            approver: "rte@example.com".to_owned(),
            reason: "until the audit".to_owned(),
            etag: None,
        },
    })
}

/// The organization as the model finds it: a root, two Scrums of Scrums, a team with two blockers and an open meeting.
pub(crate) fn genesis() -> Result<Organization, Error> {
    let up = |name: &str, trigger: Trigger| Rule {
        name: name.to_owned(),
        when: String::new(),
        trigger,
        action: Action::EscalateToParent,
        late: Late::Fire,
    };
    let mut commands = vec![Command::CreateOrganization {
        display_name: "Acme".to_owned(),
        settings: SettingsPatch::default(),
        root: node("train")?,
        root_level: level("TRAIN")?,
    }];
    for (id, parent, label) in [
        ("product", "train", "SOS"),
        ("platform", "train", "SOS"),
        ("payments", "product", "TEAM"),
    ] {
        commands.push(Command::CreateNode {
            id: node(id)?,
            parent: node(parent)?,
            level: level(label)?,
            display_name: None,
            representatives: Vec::new(),
        });
    }
    for (id, at) in [("of-product", "product"), ("of-platform", "platform")] {
        commands.push(Command::CreatePolicy {
            id: PolicyId::new("policy", id)?,
            node: node(at)?,
            display_name: None,
            rules: vec![
                up("meeting", Trigger::MeetingClosed),
                up(
                    "hour",
                    Trigger::After {
                        duration: HOUR,
                        since: ClockBase::Progress,
                    },
                ),
            ],
        });
    }
    for title in ["the sandbox is down", "the contract is unsigned"] {
        commands.push(Command::RaiseBlocker {
            blocker: Box::new(new_blocker(title)?),
            anonymous: false,
        });
    }
    commands.push(Command::OpenMeeting {
        node: node("payments")?,
        title: None,
    });
    let mut state = Organization::empty(OrganizationId::new("organization", "acme")?);
    for (index, command) in commands.iter().enumerate() {
        let context = Context {
            now: START.max(state.time().plus(Duration::from_micros(1))),
            actor: None,
            request: RequestId::new("request_id", &format!("genesis-{index}"))?,
        };
        state = decide(&state, command, &context)?.next;
    }
    Ok(state)
}

fn new_blocker(title: &str) -> Result<NewBlocker, Error> {
    Ok(NewBlocker {
        origin: node("payments")?,
        title: title.to_owned(),
        description: String::new(),
        severity: Some(Severity::High),
        category: String::new(),
        blocked_nodes: Vec::new(),
        causing_nodes: Vec::new(),
        due_at: None,
        labels: BTreeMap::new(),
        external_reference: String::new(),
        dedupe_key: String::new(),
    })
}

fn node(id: &str) -> Result<NodeId, Error> {
    NodeId::new("node", id)
}

fn level(label: &str) -> Result<Level, Error> {
    Level::new("level", label)
}
