//! A world in which a history runs: the live state, a fold of its log, and a lean state that lets go of what is closed,
//! as the service does. After every command all must agree, and every guarantee must hold.

use std::{
    collections::{HashMap, HashSet},
    mem,
    time::Duration,
};

use echelon_domain::{
    BlockerNumber, Error, NodeId, Organization, OrganizationId, RequestId, Timestamp,
    blocker::{Blocker, Cause, ChangeKind, Move, MoveKind, State},
    check::{Completeness, check, drift},
    command::{Command, Context},
    decide::{Decision, decide, decide_onto},
    event::{Event, Payload},
    explain::{NextStep, next_step},
};

use super::oracle::{check_change, check_foretold, check_pass};
use crate::support::{START, books};

/// What of a node only the log can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) escalated_in: i64,
    pub(super) escalated_out: i64,
    pub(super) meetings_held: i64,
}

pub(super) struct World {
    pub(super) live: Organization,
    pub(super) clock: Timestamp,
    pub(super) log: Vec<Event>,
    /// The state at the last midnight before the newest event.
    pub(super) midnight: Organization,
    pub(super) told: HashMap<NodeId, Told>,
    folded: Organization,
    lean: Organization,
    /// The live state again, which shares little with any other.
    own: Organization,
    causes: HashSet<(BlockerNumber, String)>,
    requests: u32,
}

impl World {
    pub(super) fn new() -> Self {
        let id = OrganizationId::new("organization", "acme").expect("a good id");
        let empty = Organization::empty(id);
        Self {
            live: empty.clone(),
            folded: empty.clone(),
            lean: empty.clone(),
            own: empty.clone(),
            midnight: empty,
            clock: START,
            log: Vec::new(),
            told: HashMap::new(),
            causes: HashSet::new(),
            requests: 0,
        }
    }

    /// The time of the next commit.
    pub(super) fn now(&self) -> Timestamp {
        self.clock
            .max(self.live.time().plus(Duration::from_micros(1)))
    }

    /// Runs a command and checks all that must hold.
    pub(super) fn run(&mut self, command: &Command) -> Result<Decision, Error> {
        self.requests += 1;
        let context = Context {
            now: self.now(),
            actor: Some("sm@example.com".to_owned()),
            request: RequestId::new("request", &format!("r{}", self.requests)).expect("a good id"),
        };
        let foretold = self.foretold(command, context.now);
        let before = self.live.clone();
        let decided = decide(&self.live, command, &context);
        self.decide_own(command, &context, &decided);
        self.decide_lean(command, &context, &decided);
        assert_eq!(
            self.live, before,
            "a decision changes no snapshot: {command:?}"
        );
        let decision = match decided {
            Ok(decision) => decision,
            Err(error) => {
                assert!(
                    !matches!(error, Error::Internal { .. }),
                    "{command:?}: {error}"
                );
                return Err(error);
            }
        };
        if let Some(first) = decision.events.first()
            && first.at.day() > self.live.time().day()
        {
            self.midnight = self.live.clone();
        }
        for event in &decision.events {
            self.fold(event);
        }
        assert_eq!(
            self.folded, decision.next,
            "E9: the fold differs after {command:?}"
        );
        self.live = decision.next.clone();
        if self.requests.is_multiple_of(3) {
            // As the service does, now and then: what is kept as of an instant is carried along from any.
            self.live.advance(self.now());
        }
        assert_eq!(
            check(&self.live, Completeness::All),
            [],
            "after {command:?}"
        );
        // Nothing drifts by itself, whether what is closed is at hand or not.
        let books = books(&self.live);
        for state in [&self.live, &self.lean] {
            assert_eq!(drift(state, &books), [], "after {command:?}");
        }
        check_foretold(&foretold, &decision.events, context.now);
        if let Command::PassTimers { limit, .. } = command {
            check_pass(&decision, &before, *limit, context.now);
        }
        Ok(decision)
    }

    /// A state that is given away from one decision to the next comes to the same, and is given back as it was.
    fn decide_own(&mut self, command: &Command, context: &Context, live: &Result<Decision, Error>) {
        let own = mem::replace(&mut self.own, self.live.clone());
        match (decide_onto(own, command, context), live) {
            (Ok(own), Ok(live)) => {
                assert_eq!(own.events, live.events, "{command:?}");
                assert_eq!(own.outcome, live.outcome, "{command:?}");
                assert_eq!(own.next, live.next, "{command:?}");
                self.own = own.next;
            }
            (Err(refused), Err(error)) => {
                assert_eq!(refused.error, *error, "{command:?}");
                if let Some(untouched) = refused.untouched {
                    assert_eq!(untouched, self.live, "{command:?}");
                    self.own = untouched;
                }
            }
            (own, live) => {
                panic!("a decision depends on the owner: {command:?}: {own:?}, {live:?}")
            }
        }
    }

    /// The lean state recalls what the command names, decides the same, and lets go of what is closed.
    fn decide_lean(
        &mut self,
        command: &Command,
        context: &Context,
        live: &Result<Decision, Error>,
    ) {
        let departed: Vec<BlockerNumber> = self
            .lean
            .open_meetings()
            .flat_map(|meeting| meeting.departed.iter().copied())
            .collect();
        let blockers = command
            .blockers()
            .into_iter()
            .chain(departed)
            .filter_map(|number| self.live.blocker(number).ok())
            .map(|blocker| (**blocker).clone())
            .collect();
        let meetings = command
            .meeting()
            .and_then(|number| self.live.meeting(number).ok())
            .map(|meeting| (**meeting).clone());
        let mut base = self.lean.clone();
        base.recall(blockers, meetings.into_iter().collect());
        let mut next = match (decide(&base, command, context), live) {
            (Ok(lean), Ok(live)) => {
                assert_eq!(
                    lean.events, live.events,
                    "lean and live differ: {command:?}"
                );
                assert_eq!(
                    lean.outcome, live.outcome,
                    "lean and live differ: {command:?}"
                );
                lean.next
            }
            (Err(lean), Err(live)) => {
                assert_eq!(&lean, live, "lean and live differ: {command:?}");
                base
            }
            (lean, live) => panic!("lean and live differ: {command:?}: {lean:?}, {live:?}"),
        };
        let closed: Vec<BlockerNumber> = next.blockers().map(|blocker| blocker.number).collect();
        let meetings: Vec<_> = next.meetings().map(|meeting| meeting.number).collect();
        next.retire(closed, meetings);
        assert_eq!(
            check(&next, Completeness::LiveOnly),
            [],
            "lean, after {command:?}"
        );
        for node in next.tree().iter() {
            let live = live.as_ref().map_or(&self.live, |decision| &decision.next);
            assert_eq!(
                next.counters(&node.id),
                live.counters(&node.id),
                "E9: counters of {} differ where closed blockers are not at hand, after {command:?}",
                node.id
            );
        }
        self.lean = next;
    }

    /// Folds one event into the copy, and checks what the state just before it must say about it.
    fn fold(&mut self, event: &Event) {
        if let Payload::BlockerChanged(change) = &event.payload {
            let before = self.folded.blocker(change.number).ok().cloned();
            check_change(before.as_deref(), change, event);
            if let ChangeKind::Moved(moved) = &change.kind {
                self.check_move(before.as_deref().expect("it was raised"), moved, event);
            }
        }
        if let Payload::MeetingClosed(meeting) = &event.payload {
            self.told
                .entry(meeting.node.clone())
                .or_default()
                .meetings_held += 1;
        }
        // E10: what leaves a place is told to those who watch that place, and what comes to one to those who watch that.
        let node = match &event.payload {
            Payload::NodeUpdated(node)
            | Payload::NodeMoved { node, from: _ }
            | Payload::NodeArchived(node)
            | Payload::NodeRestored(node) => Some(&node.id),
            _ => None,
        };
        let left: Vec<NodeId> = node
            .into_iter()
            .flat_map(|node| self.folded.tree().path_up(node).cloned())
            .collect();
        self.folded.apply(event).expect("an event can be folded");
        let come_to = node
            .into_iter()
            .flat_map(|node| self.folded.tree().path_up(node));
        for place in left.iter().chain(come_to) {
            assert!(event.nodes.contains(place), "E10: {place}: {event:?}");
        }
        self.log.push(event.clone());
    }

    fn check_move(&mut self, before: &Blocker, moved: &Move, event: &Event) {
        let tree = self.folded.tree();
        let number = before.number;
        assert_eq!(before.status.holder, moved.from);
        assert_eq!((moved.at, moved.revision), (event.at, event.revision));
        match moved.kind {
            MoveKind::Escalated => {
                assert!(moved.to != moved.from && tree.is_self_or_ancestor(&moved.to, &moved.from));
            }
            MoveKind::Returned => {
                assert!(moved.to != moved.from && tree.is_self_or_ancestor(&moved.from, &moved.to));
            }
            MoveKind::Reheld => assert!(moved.rule.is_none()),
        }
        // E3. A change of the tree has each moved or archived node as a cause of its own.
        let cause = match moved.kind {
            MoveKind::Reheld => format!("{:?} {}", moved.cause, moved.reason),
            MoveKind::Escalated | MoveKind::Returned => format!("{:?}", moved.cause),
        };
        assert!(
            self.causes.insert((number, cause)),
            "E3: {:?} moved {number} twice",
            moved.cause
        );
        if moved.kind == MoveKind::Escalated {
            let left: Vec<NodeId> = tree
                .path_up(&moved.from)
                .take_while(|step| **step != moved.to)
                .cloned()
                .collect();
            for node in left {
                self.told.entry(node).or_default().escalated_out += 1;
            }
            self.told.entry(moved.to.clone()).or_default().escalated_in += 1;
        }
        let Some(rule) = &moved.rule else { return };
        // E5: the rules move nothing that is closed, acknowledged or on hold.
        assert!(
            matches!(before.status.state, State::Raised | State::Owned),
            "E5: rule {rule} moved {number}, which was {:?}",
            before.status.state
        );
        // E6: the rule is one of the version that was pinned, and the facts are those that its condition reads.
        let pinned = (before.status.policy.clone(), before.status.policy_version);
        assert_eq!(moved.policy_version.as_ref(), Some(&pinned), "E6");
        let version = self.folded.version(&pinned.0, pinned.1).expect("it exists");
        let (_, rule) = version
            .rules()
            .find(|(_, known)| known.name == *rule)
            .expect("E6: the rule is in the version");
        assert!(
            moved.facts.keys().all(|fact| rule.when.contains(fact)),
            "E6"
        );
        assert!(
            moved.facts.is_empty() <= !rule.when.contains("severity"),
            "E6"
        );
        // E4: lateness is recorded.
        if let Cause::Timer(due) = moved.cause {
            assert!(due <= event.at, "E4: fired before it was due");
            assert_eq!(
                Duration::from_micros(moved.late_us.unsigned_abs()),
                event.at.since(due),
                "E4"
            );
        } else {
            assert_eq!(moved.late_us, 0);
        }
    }

    /// What `explain` says about each blocker that the command lets the rules look at.
    fn foretold(
        &self,
        command: &Command,
        now: Timestamp,
    ) -> Vec<(BlockerNumber, NodeId, Option<NextStep>)> {
        let looked_at: Vec<BlockerNumber> = match command {
            Command::PassTimers { limit, .. } => self
                .live
                .due(now)
                .take(*limit)
                .map(|(_, number)| number)
                .collect(),
            Command::CloseMeeting { number } => self
                .live
                .meeting(*number)
                .ok()
                .filter(|meeting| meeting.closed_at.is_none())
                .into_iter()
                .flat_map(|meeting| self.live.held_by(&meeting.node))
                .map(|held| held.number)
                .collect(),
            _ => Vec::new(),
        };
        looked_at
            .into_iter()
            .map(|number| {
                let blocker = self.live.blocker(number).expect("it is at hand");
                let holder = blocker.status.holder.clone();
                (number, holder, next_step(&self.live, blocker, now))
            })
            .collect()
    }
}
