//! A small organization to try things on, one line a step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, NodeId, Organization, OrganizationId, PolicyId, RequestId,
    Timestamp,
    blocker::{Blocker, ChangeKind, EscalationState, Move, Severity, State},
    check::{Books, Completeness, check},
    command::{Command, Context, NewBlocker, Outcome},
    decide::{Decision, decide},
    event::{Event, Payload},
    node::Level,
    organization::Parts,
    policy::{Action, ClockBase, Late, Rule, Trigger},
    profile::SettingsPatch,
};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// 2026-03-02T09:00:00Z, a Monday.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

pub(crate) fn node(id: &str) -> NodeId {
    NodeId::new("node", id).expect("a good id")
}

pub(crate) fn level(label: &str) -> Level {
    Level::new("level", label).expect("a good label")
}

pub(crate) fn policy(id: &str) -> PolicyId {
    PolicyId::new("policy", id).expect("a good id")
}

pub(crate) fn new_blocker(origin: &str, title: &str, severity: Severity) -> NewBlocker {
    NewBlocker {
        origin: node(origin),
        title: title.to_owned(),
        description: String::new(),
        severity: Some(severity),
        category: String::new(),
        blocked_nodes: Vec::new(),
        causing_nodes: Vec::new(),
        due_at: None,
        labels: BTreeMap::new(),
        external_reference: String::new(),
        dedupe_key: String::new(),
    }
}

/// A rule that moves up to the parent.
pub(crate) fn rule(name: &str, when: &str, trigger: Trigger) -> Rule {
    Rule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger,
        action: Action::EscalateToParent,
        late: Late::Fire,
    }
}

pub(crate) fn after(duration: Duration, since: ClockBase) -> Trigger {
    Trigger::After { duration, since }
}

pub(crate) fn notify() -> Action {
    Action::Notify {
        roles: vec!["RTE".to_owned()],
        message: "look".to_owned(),
    }
}

/// An organization and its clock. Every command is followed by the checks of E1, E2 and the counters.
pub(crate) struct Desk {
    pub(crate) organization: Organization,
    pub(crate) now: Timestamp,
    /// Every event so far.
    pub(crate) log: Vec<Event>,
    requests: u32,
}

impl Desk {
    /// `solution` over `train` and `supplier`; `train` over `sos-a` and `sos-b`; below them `team-a1`, `team-a2` and
    /// `team-b1`; the default policy.
    pub(crate) fn new() -> Self {
        let mut desk = Self {
            organization: Organization::empty(
                OrganizationId::new("organization", "acme").expect("a good id"),
            ),
            now: START,
            log: Vec::new(),
            requests: 0,
        };
        desk.run(Command::CreateOrganization {
            display_name: "Acme".to_owned(),
            settings: SettingsPatch::default(),
            root: node("solution"),
            root_level: level("SOLUTION"),
        });
        for (id, parent, label) in [
            ("train", "solution", "TRAIN"),
            ("supplier", "solution", "SUPPLIER"),
            ("sos-a", "train", "SOS"),
            ("sos-b", "train", "SOS"),
            ("team-a1", "sos-a", "TEAM"),
            ("team-a2", "sos-a", "TEAM"),
            ("team-b1", "sos-b", "TEAM"),
        ] {
            desk.run(Command::CreateNode {
                id: node(id),
                parent: node(parent),
                level: level(label),
                display_name: None,
                representatives: Vec::new(),
            });
        }
        desk
    }

    /// One with another organization.
    pub(crate) fn of(organization: Organization) -> Self {
        Self {
            now: organization.time(),
            organization,
            log: Vec::new(),
            requests: 0,
        }
    }

    /// Takes over what another desk did.
    pub(crate) fn follow(&mut self, events: &[Event]) {
        for event in events {
            self.organization
                .apply(event)
                .expect("an event can be folded");
        }
        self.log.extend(events.iter().cloned());
    }

    /// As [`Desk::new`], with these rules in force everywhere.
    pub(crate) fn with_rules(rules: Vec<Rule>) -> Self {
        let mut desk = Self::new();
        desk.set_rules(rules);
        desk
    }

    pub(crate) fn set_rules(&mut self, rules: Vec<Rule>) {
        self.run(Command::UpdatePolicy {
            id: policy("default"),
            display_name: None,
            rules: Some(rules),
            etag: None,
        });
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    pub(crate) fn try_run(&mut self, command: Command) -> Result<Decision, Error> {
        self.requests += 1;
        self.now = self.now.max(
            self.organization
                .time()
                .plus(Duration::from_micros(1))
                .max(START),
        );
        let context = Context {
            now: self.now,
            actor: Some("sm@example.com".to_owned()),
            request: RequestId::new("request", &format!("r{}", self.requests)).expect("a good id"),
        };
        let decision = decide(&self.organization, &command, &context)?;
        self.organization = decision.next.clone();
        self.log.extend(decision.events.iter().cloned());
        assert_eq!(
            check(&self.organization, Completeness::All),
            [],
            "{command:?}"
        );
        Ok(decision)
    }

    pub(crate) fn run(&mut self, command: Command) -> Decision {
        let shown = format!("{command:?}");
        self.try_run(command)
            .unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// The message of a refusal.
    pub(crate) fn refused(&mut self, command: Command) -> String {
        let before = self.organization.clone();
        let error = self.try_run(command).expect_err("it must be refused");
        assert_eq!(
            self.organization, before,
            "a refused command changes nothing"
        );
        error.to_string()
    }

    pub(crate) fn raise(&mut self, origin: &str, severity: Severity) -> BlockerNumber {
        let title = format!("blocker {}", self.organization.next_blocker());
        self.raise_new(new_blocker(origin, &title, severity))
    }

    pub(crate) fn raise_new(&mut self, blocker: NewBlocker) -> BlockerNumber {
        let decision = self.run(Command::RaiseBlocker {
            blocker: Box::new(blocker),
            anonymous: false,
        });
        match decision.outcome {
            Outcome::Blocker { number, .. } => number,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn open(&mut self, at: &str) -> MeetingNumber {
        let decision = self.run(Command::OpenMeeting {
            node: node(at),
            title: None,
        });
        match decision.outcome {
            Outcome::Meeting { number } => number,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn close(&mut self, number: MeetingNumber) -> Decision {
        self.run(Command::CloseMeeting { number })
    }

    /// Holds a whole meeting.
    pub(crate) fn meet(&mut self, at: &str) -> Decision {
        let number = self.open(at);
        self.close(number)
    }

    pub(crate) fn pass_timers(&mut self) -> Decision {
        self.run(Command::PassTimers {
            limit: 1_000,
            apart: BTreeSet::new(),
        })
    }

    /// Lets a span go by and looks at what is due then.
    pub(crate) fn after(&mut self, span: Duration) -> Decision {
        self.pass(span);
        self.pass_timers()
    }

    pub(crate) fn acknowledge(&mut self, number: BlockerNumber) -> Decision {
        self.run(Command::AcknowledgeBlocker {
            number,
            until: None,
            etag: None,
        })
    }

    pub(crate) fn own(&mut self, number: BlockerNumber, committed: Option<Duration>) -> Decision {
        self.run(Command::OwnBlocker {
            number,
            owner: "lead@example.com".to_owned(),
            committed_at: committed.map(|span| self.now.plus(span)),
            etag: None,
        })
    }

    pub(crate) fn hold(&mut self, number: BlockerNumber, span: Duration) -> Decision {
        self.run(Command::HoldBlocker {
            number,
            until: self.now.plus(span),
            approver: "rte@example.com".to_owned(),
            reason: "waits for a part".to_owned(),
            etag: None,
        })
    }

    pub(crate) fn resolve(&mut self, number: BlockerNumber) -> Decision {
        self.run(Command::ResolveBlocker {
            number,
            resolution: "done".to_owned(),
            etag: None,
        })
    }

    pub(crate) fn escalate(&mut self, number: BlockerNumber, to: Option<&str>) -> Decision {
        self.run(Command::EscalateBlocker {
            number,
            to: to.map(node),
            reason: "too big for us".to_owned(),
            etag: None,
        })
    }

    pub(crate) fn send_back(&mut self, number: BlockerNumber, to: Option<&str>) -> Decision {
        self.run(Command::ReturnBlocker {
            number,
            to: to.map(node),
            guidance: "try the other supplier".to_owned(),
            etag: None,
        })
    }

    pub(crate) fn blocker(&self, number: BlockerNumber) -> Blocker {
        (**self.organization.blocker(number).expect("it is at hand")).clone()
    }

    pub(crate) fn holder(&self, number: BlockerNumber) -> String {
        self.blocker(number).status.holder.to_string()
    }

    pub(crate) fn state(&self, number: BlockerNumber) -> State {
        self.blocker(number).status.state
    }

    pub(crate) fn waits(&self, number: BlockerNumber) -> EscalationState {
        self.blocker(number).status.escalation
    }
}

/// An organization as rows hold it, with every blocker and meeting that is at hand.
pub(crate) fn parts(organization: &Organization) -> Parts {
    let nodes: Vec<_> = organization.tree().iter().cloned().collect();
    Parts {
        id: organization.id().clone(),
        revision: organization.revision(),
        time: organization.time(),
        profile: (**organization.profile().expect("it exists")).clone(),
        counters: nodes
            .iter()
            .map(|node| (node.id.clone(), organization.counters(&node.id)))
            .collect(),
        nodes: nodes.iter().map(|node| (**node).clone()).collect(),
        policies: organization
            .policies()
            .map(|policy| (**policy).clone())
            .collect(),
        versions: organization
            .policies()
            .flat_map(|policy| organization.versions(&policy.id))
            .map(|version| version.version.clone())
            .collect(),
        blockers: organization.blockers().cloned().collect(),
        meetings: organization
            .meetings()
            .map(|meeting| (**meeting).clone())
            .collect(),
        next_blocker: organization.next_blocker().get(),
        next_meeting: organization.next_meeting().get(),
    }
}

/// What a sound database holds of an organization whose blockers are all at hand.
pub(crate) fn books(organization: &Organization) -> Books {
    let mut books = Books {
        counters: parts(organization).counters.into_iter().collect(),
        ..Books::default()
    };
    for blocker in organization.blockers() {
        let origin = blocker.content.origin.clone();
        let totals = books.totals.entry(origin).or_default();
        totals.raised += 1;
        totals.closed += i64::from(!blocker.is_open());
    }
    books
}

/// The kinds of the changes of blockers in some events.
pub(crate) fn kinds(events: &[Event]) -> Vec<ChangeKind> {
    events
        .iter()
        .filter_map(|event| match &event.payload {
            Payload::BlockerChanged(change) => Some(change.kind.clone()),
            _ => None,
        })
        .collect()
}

/// The moves in some events, each with its blocker.
pub(crate) fn moves(events: &[Event]) -> Vec<(BlockerNumber, Move)> {
    events
        .iter()
        .filter_map(|event| match &event.payload {
            Payload::BlockerChanged(change) => match &change.kind {
                ChangeKind::Moved(moved) => Some((change.number, moved.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect()
}
