//! A run in which everything held, decided by the rules that servers decide by.

use std::{sync::OnceLock, time::Duration};

use echelon_api::{
    convert::event::to_record,
    v1::{self, event::Payload},
};
use echelon_domain::{
    BlockerNumber, MeetingNumber, NodeId, Organization, OrganizationId, PolicyId, RequestId,
    Timestamp,
    blocker::Severity,
    command::{Command, Context, NewBlocker},
    decide::decide,
    node::Level,
    policy::{Action, ClockBase, Late, Rule, Trigger},
    profile::SettingsPatch,
};

use super::super::{change, ledger::Ledger};
use crate::{
    plan::Database,
    record::{
        Answer, Attempt, Call, ClockStep, Foretold, History, Logged, Opening, Outcome, Record,
        Seen, SeenRead, SeenRollup, SeenTime, Sight, Verdict,
    },
};

const START_US: i64 = 1_772_442_000_000_000;
const SECOND: Duration = Duration::from_secs(1);
/// Everything up to this many calls is kept by the restore.
const KEPT: usize = 9;

/// Two histories: the second one begins with a restore.
pub(super) fn record() -> Record {
    static RECORD: OnceLock<Record> = OnceLock::new();
    RECORD.get_or_init(play).clone()
}

struct Stage {
    organization: Organization,
    now: Timestamp,
    log: Vec<v1::Event>,
    calls: Vec<Call>,
    history: usize,
}

fn play() -> Record {
    let mut stage = Stage {
        organization: Organization::empty(OrganizationId::new("name", "torture").unwrap()),
        now: Timestamp::from_micros(START_US),
        log: Vec::new(),
        calls: Vec::new(),
        history: 0,
    };
    stage.found();
    stage.raise("raise-1");
    assert_eq!(stage.calls.len(), KEPT);
    let kept = Stage { ..stage.copy() };
    // What follows is lost by the restore.
    stage.raise("raise-lost");
    let first = stage;

    let mut stage = kept;
    stage.history = 1;
    let since = stage.log.last().unwrap().revision;
    stage.live();
    let end_us = stage.now.as_micros();
    let sights = [
        sight(&first.log, 0, ""),
        sight(&stage.log, 1, ""),
        sight(&stage.log, 1, "organizations/torture/nodes/sos-a"),
    ];
    Record {
        database: Database::Postgres,
        rollups: rollups(&stage.log),
        reads: vec![SeenRead {
            method: "GetBlocker",
            replica: 1,
            asked: since,
            revision: since + 1,
        }],
        foretold: vec![foretold(&stage.log)],
        times: vec![SeenTime {
            method: "GetRollup",
            replica: 0,
            asked_us: START_US,
            told_us: START_US,
            as_of_us: START_US,
        }],
        sights: sights.into(),
        spells: Vec::new(),
        clock: vec![ClockStep {
            at_us: 0,
            shift_us: 0,
        }],
        findings: Vec::new(),
        twin: Some(stage.log.iter().map(Logged::from).collect()),
        complaints: Vec::new(),
        calls: [first.calls, stage.calls].concat(),
        histories: vec![
            History {
                log: first.log,
                since: 0,
                ended_us: START_US,
            },
            History {
                log: stage.log,
                since,
                ended_us: end_us,
            },
        ],
    }
}

impl Stage {
    fn copy(&self) -> Self {
        Self {
            organization: self.organization.clone(),
            now: self.now,
            log: self.log.clone(),
            calls: Vec::new(),
            history: self.history,
        }
    }

    /// A root over two Scrums of Scrums, with a team each, and rules of seconds.
    fn found(&mut self) {
        self.call(
            "Apply",
            "found",
            Command::CreateOrganization {
                display_name: "Torture".to_owned(),
                settings: SettingsPatch::default(),
                root: node("root"),
                root_level: level("TRAIN"),
            },
        );
        for (id, parent, label) in [
            ("sos-a", "root", "SOS"),
            ("sos-b", "root", "SOS"),
            ("team-a", "sos-a", "TEAM"),
            ("team-b", "sos-b", "TEAM"),
            ("team-c", "sos-b", "TEAM"),
        ] {
            self.call(
                "Apply",
                id,
                Command::CreateNode {
                    id: node(id),
                    parent: node(parent),
                    level: level(label),
                    display_name: None,
                    representatives: Vec::new(),
                },
            );
        }
        let rule = |name: &str, trigger| Rule {
            name: name.to_owned(),
            when: "!on_track".to_owned(),
            trigger,
            action: Action::EscalateToParent,
            late: Late::Fire,
        };
        let seconds = Trigger::After {
            duration: 2 * SECOND,
            since: ClockBase::Progress,
        };
        let rules = vec![
            rule("meeting", Trigger::MeetingClosed),
            rule("seconds", seconds),
        ];
        self.call(
            "UpdatePolicy",
            "rules",
            Command::UpdatePolicy {
                id: PolicyId::new("id", "default").unwrap(),
                display_name: None,
                rules: Some(rules),
                etag: None,
            },
        );
        self.raise_at("anonymous", "team-b", true);
    }

    /// One of each: moves by timers, by a meeting and by hand, pauses, closes and a change of the tree.
    fn live(&mut self) {
        let number = |number| BlockerNumber::new(number);
        self.raise("raise-2");
        self.call(
            "Comment",
            "comment",
            Command::CommentOnBlocker {
                number: number(2),
                text: "still there".to_owned(),
            },
        );
        self.wait(2);
        self.pass();
        self.wait(2);
        self.pass();
        self.raise("raise-3");
        self.call(
            "Acknowledge",
            "acknowledge",
            Command::AcknowledgeBlocker {
                number: number(4),
                until: Some(self.now.plus(3 * SECOND)),
                etag: None,
            },
        );
        self.call(
            "OpenMeeting",
            "open",
            Command::OpenMeeting {
                node: node("team-a"),
                title: None,
            },
        );
        self.raise("raise-4");
        self.call(
            "CloseMeeting",
            "close",
            Command::CloseMeeting {
                number: MeetingNumber::new(1),
            },
        );
        self.call(
            "MoveNode",
            "move",
            Command::MoveNode {
                id: node("team-a"),
                new_parent: node("sos-b"),
                etag: None,
            },
        );
        self.call(
            "Return",
            "return",
            Command::ReturnBlocker {
                number: number(5),
                to: None,
                guidance: "try again".to_owned(),
                etag: None,
            },
        );
        self.call(
            "Resolve",
            "resolve",
            Command::ResolveBlocker {
                number: number(2),
                resolution: "gone".to_owned(),
                etag: None,
            },
        );
        for _ in 0..4 {
            self.wait(1);
            self.pass();
        }
    }

    fn raise(&mut self, id: &'static str) {
        self.raise_at(id, "team-a", false);
    }

    fn raise_at(&mut self, id: &'static str, origin: &str, anonymous: bool) {
        let blocker = NewBlocker {
            origin: node(origin),
            title: id.to_owned(),
            description: String::new(),
            severity: Some(Severity::Medium),
            category: String::new(),
            blocked_nodes: Vec::new(),
            causing_nodes: Vec::new(),
            due_at: None,
            labels: std::collections::BTreeMap::new(),
            external_reference: String::new(),
            dedupe_key: String::new(),
        };
        let blocker = Box::new(blocker);
        self.call("Raise", id, Command::RaiseBlocker { blocker, anonymous });
    }

    fn wait(&mut self, seconds: u32) {
        self.now = self.now.plus(seconds * SECOND);
    }

    fn pass(&mut self) {
        self.decide(
            "",
            Command::PassTimers {
                limit: 100,
                apart: Default::default(),
            },
        );
    }

    /// A call that is answered, and repeated through another replica.
    fn call(&mut self, method: &'static str, id: &'static str, command: Command) {
        self.wait_a_little();
        let sent_us = self.now.as_micros();
        let blocker = self.decide(id, command);
        let revision = self.organization.revision();
        let attempt = |replica, sent_us| Attempt {
            history: self.history,
            replica,
            sent_us,
            ended_us: sent_us + 10,
            outcome: Outcome::Answered(Answer {
                fingerprint: 7,
                revision,
                duplicate: false,
                meeting: None,
                blocker: blocker.clone(),
            }),
        };
        let lost = Attempt {
            outcome: Outcome::Lost {
                cause: "cut".to_owned(),
            },
            ..attempt(2, sent_us - 20)
        };
        let attempts = vec![lost, attempt(0, sent_us), attempt(1, sent_us + 20)];
        self.calls.push(Call {
            client: 0,
            method,
            request_id: id.to_owned(),
            about: String::new(),
            attempts,
        });
    }

    fn wait_a_little(&mut self) {
        self.now = self.now.plus(Duration::from_millis(10));
    }

    /// Decides, and returns the blocker that the command is about, with its state.
    fn decide(&mut self, actor: &str, command: Command) -> Option<(String, i32)> {
        let context = Context {
            now: self.now,
            actor: Some(actor.to_owned()).filter(|actor| !actor.is_empty()),
            request: RequestId::new("request_id", &format!("r-{actor}")).unwrap(),
        };
        let decision = decide(&self.organization, &command, &context).unwrap();
        let id = OrganizationId::new("name", "torture").unwrap();
        let events: Vec<v1::Event> = decision
            .events
            .iter()
            .map(|event| to_record(&id, event))
            .collect();
        self.organization = decision.next;
        let told = events
            .last()
            .filter(|_| !actor.is_empty())
            .and_then(|event| {
                let state = change(event)?.status.as_ref()?.state;
                Some((event.blocker.clone(), state))
            });
        self.log.extend(events);
        told
    }
}

fn node(id: &str) -> NodeId {
    NodeId::new("node", id).unwrap()
}

fn level(label: &str) -> Level {
    Level::new("level", label).unwrap()
}

/// What a watcher of a subtree sees: a message for each revision.
fn sight(log: &[v1::Event], history: usize, subtree: &str) -> Sight {
    let own = log
        .iter()
        .filter(|event| subtree.is_empty() || event.nodes.iter().any(|node| node == subtree));
    let opening = Opening {
        token_of: history,
        shown_in: history,
        replica: 0,
        verdict: Verdict::Accepted,
    };
    Sight {
        watcher: format!("of {subtree:?}"),
        history,
        subtree: subtree.to_owned(),
        events: own
            .map(|event| Seen {
                event: Logged::from(event),
                message: event.revision.unsigned_abs(),
            })
            .collect(),
        reached: log.last().unwrap().revision,
        due: log.last().unwrap().revision,
        openings: vec![opening],
    }
}

/// Roll-ups as the checker counts them: they are wrong only where a test makes them so.
fn rollups(log: &[v1::Event]) -> Vec<SeenRollup> {
    let mut ledger = Ledger::default();
    let mut seen = Vec::new();
    for (index, event) in log.iter().enumerate() {
        ledger.apply(event);
        let is_last = log
            .get(index + 1)
            .is_none_or(|next| next.revision > event.revision);
        if is_last && event.revision > 8 {
            for node in ["root", "sos-a"] {
                seen.push(SeenRollup {
                    history: 1,
                    node: node.to_owned(),
                    revision: event.revision,
                    figures: ledger.figures(node),
                });
            }
        }
    }
    seen
}

/// What an explanation would say before the first move by a timer.
fn foretold(log: &[v1::Event]) -> Foretold {
    let moved = log.iter().find_map(|event| match &event.payload {
        Some(Payload::BlockerChanged(changed)) if !event.actor.is_empty() => None,
        Some(Payload::BlockerChanged(changed)) => {
            Some((event.blocker.clone(), changed.r#move.clone()?))
        }
        _ => None,
    });
    let (blocker, moved) = moved.unwrap();
    Foretold {
        history: 1,
        blocker,
        revision: moved.revision - 1,
        next: v1::NextStep {
            description: "moves".to_owned(),
            time: moved.time,
            rule: moved.rule,
            target: moved.to,
        },
        as_of_us: 0,
    }
}
