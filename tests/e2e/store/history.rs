//! A history of an organization, committed batch by batch as the server does it.

use std::time::Duration;

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, NodeId, Organization, OrganizationId, RequestId,
    Timestamp,
    blocker::Blocker,
    check::{self, Completeness},
    command::{Command, Context, NewBlocker},
    decide::decide,
    event::Event,
    node::Level,
    profile::SettingsPatch,
};
use echelon_store::{Changes, EventRow, Store};

/// Monday, 2026-11-23, 08:00 UTC.
pub(super) const START: Timestamp = Timestamp::from_micros(1_795_420_800_000_000);

/// An organization in a store, beside what its log folds to.
pub(super) struct History {
    pub(super) store: Store,
    pub(super) id: OrganizationId,
    /// As the server holds it: the closed is let go of.
    pub(super) live: Organization,
    /// The log, folded from zero: with everything that ever was.
    pub(super) folded: Organization,
    pub(super) events: Vec<EventRow>,
    pub(super) now: Timestamp,
    requests: u64,
}

/// What a batch decided, before it is flushed.
pub(super) struct Decided {
    pub(super) base: Organization,
    pub(super) next: Organization,
    pub(super) events: Vec<Event>,
    pub(super) refused: Vec<Error>,
}

impl History {
    /// Before the organization is created.
    pub(super) fn new(store: Store) -> Self {
        let id = OrganizationId::new("organization", "acme").unwrap();
        Self {
            store,
            live: Organization::empty(id.clone()),
            folded: Organization::empty(id.clone()),
            id,
            events: Vec::new(),
            now: START,
            requests: 0,
        }
    }

    /// A root `solution` with the given trains of teams below it: `train-1`, `team-1-1`, `team-1-2`, …
    pub(super) async fn with_trains(store: Store, trains: usize, teams: usize) -> Self {
        let mut history = Self::new(store);
        let mut commands = vec![Command::CreateOrganization {
            display_name: "Acme".to_owned(),
            settings: SettingsPatch::default(),
            root: node("solution"),
            root_level: level("SOLUTION"),
        }];
        let create = |id: String, parent: &str, of: &str| Command::CreateNode {
            id: node(&id),
            parent: node(parent),
            level: level(of),
            display_name: None,
            representatives: Vec::new(),
        };
        for train in 1..=trains {
            let name = format!("train-{train}");
            commands.push(create(name.clone(), "solution", "TRAIN"));
            for team in 1..=teams {
                commands.push(create(format!("team-{train}-{team}"), &name, "TEAM"));
            }
        }
        history.commit_all(&commands).await;
        history
    }

    /// Decides commands in order and commits what they come to. Gives the refusals back.
    pub(super) async fn commit(&mut self, commands: &[Command]) -> Vec<Error> {
        let mut batch = self.store.begin(&self.id).await.unwrap();
        let (blockers, meetings) = self.missing(commands);
        let blockers = batch.blockers(&blockers).await.unwrap();
        let meetings = batch.meetings(&meetings).await.unwrap();
        self.live.recall(blockers, meetings);
        let decided = self.decide(commands);
        batch.commit(&self.changes(&decided)).await.unwrap();
        self.accept(decided)
    }

    /// As [`History::commit`], where nothing may be refused.
    pub(super) async fn commit_all(&mut self, commands: &[Command]) {
        let refused = self.commit(commands).await;
        assert!(refused.is_empty(), "{refused:?}");
    }

    /// What is written for a batch.
    pub(super) fn changes(&self, decided: &Decided) -> Changes {
        let mut changes = Changes::between(&decided.base, &decided.next, &decided.events);
        changes.events = decided.events.iter().map(encode).collect();
        changes
    }

    /// Takes a committed batch over. Gives the refusals back.
    pub(super) fn accept(&mut self, decided: Decided) -> Vec<Error> {
        let Decided {
            base: _,
            next,
            events,
            refused,
        } = decided;
        for event in &events {
            self.folded.apply(event).unwrap();
        }
        self.events.extend(events.iter().map(encode));
        self.live = next;
        let blockers: Vec<BlockerNumber> =
            self.live.blockers().map(|blocker| blocker.number).collect();
        let meetings: Vec<MeetingNumber> =
            self.live.meetings().map(|meeting| meeting.number).collect();
        self.live.retire(blockers, meetings);
        refused
    }

    /// Decides commands in order on the newest state, a minute apart.
    pub(super) fn decide(&mut self, commands: &[Command]) -> Decided {
        let mut decided = Decided {
            base: self.live.clone(),
            next: self.live.clone(),
            events: Vec::new(),
            refused: Vec::new(),
        };
        for command in commands {
            self.now = self.now.plus(Duration::from_secs(60));
            self.requests += 1;
            let context = Context {
                now: self.now,
                actor: Some("rte@example.com".to_owned()),
                request: RequestId::new("request_id", &format!("r-{}", self.requests)).unwrap(),
            };
            match decide(&decided.next, command, &context) {
                Ok(decision) => {
                    decided.next = decision.next;
                    decided.events.extend(decision.events);
                }
                Err(error) => decided.refused.push(error),
            }
        }
        decided
    }

    /// Fails unless the tables hold what the log folds to, and it keeps the guarantees (E1, E2, E9).
    pub(super) async fn check(&self) {
        let parts = self.store.load_all(&self.id).await.unwrap().unwrap().parts;
        let stored = Organization::restore(parts);
        assert_eq!(check::compare(&self.folded, &stored), []);
        assert_eq!(check::check(&stored, Completeness::All), []);
        let parts = self.store.load(&self.id).await.unwrap().unwrap().parts;
        let live = Organization::restore(parts);
        assert_eq!(check::compare(&self.live, &live), []);
        assert_eq!(check::check(&live, Completeness::LiveOnly), []);
        // Down to the indexes.
        let indexes = |state: &Organization| {
            let numbers = |found: &mut dyn Iterator<Item = &std::sync::Arc<Blocker>>| {
                found.map(|blocker| blocker.number).collect::<Vec<_>>()
            };
            let mut nodes: Vec<NodeId> = state.tree().iter().map(|node| node.id.clone()).collect();
            nodes.sort();
            let nodes = nodes.into_iter().map(|node| {
                let held = numbers(&mut state.held_by(&node));
                let raised = numbers(&mut state.raised_by(&node));
                let meeting = state.open_meeting_of(&node).map(|meeting| meeting.number);
                (node, held, raised, meeting)
            });
            let due: Vec<_> = state.due(Timestamp::MAX).collect();
            (nodes.collect::<Vec<_>>(), due)
        };
        assert_eq!(indexes(&self.live), indexes(&live));
    }

    fn missing(&self, commands: &[Command]) -> (Vec<BlockerNumber>, Vec<MeetingNumber>) {
        let departed = self
            .live
            .open_meetings()
            .flat_map(|meeting| meeting.departed.clone());
        let blockers = commands
            .iter()
            .flat_map(Command::blockers)
            .chain(departed)
            .filter(|number| self.live.blocker(*number).is_err());
        let meetings = commands
            .iter()
            .filter_map(Command::meeting)
            .filter(|number| self.live.meeting(*number).is_err());
        (blockers.collect(), meetings.collect())
    }
}

/// The log's payload is opaque to the store.
fn encode(event: &Event) -> EventRow {
    EventRow {
        revision: event.revision,
        index: event.index,
        at: event.at,
        kind: event.payload.kind().to_owned(),
        blocker: event.payload.blocker(),
        payload: format!("{event:?}").into_bytes(),
    }
}

pub(super) fn node(id: &str) -> NodeId {
    NodeId::new("node", id).unwrap()
}

pub(super) fn level(label: &str) -> Level {
    Level::new("level", label).unwrap()
}

/// A plain blocker raised by a node.
pub(super) fn raise(origin: &str, title: &str) -> Command {
    Command::RaiseBlocker {
        blocker: Box::new(new_blocker(origin, title)),
        anonymous: false,
    }
}

pub(super) fn new_blocker(origin: &str, title: &str) -> NewBlocker {
    NewBlocker {
        origin: node(origin),
        title: title.to_owned(),
        description: String::new(),
        severity: None,
        category: String::new(),
        blocked_nodes: Vec::new(),
        causing_nodes: Vec::new(),
        due_at: None,
        labels: [].into(),
        external_reference: String::new(),
        dedupe_key: String::new(),
    }
}
