//! Random commands, the same for the same seed.

use std::{collections::BTreeSet, time::Duration};

use echelon_domain::{
    BlockerNumber, MeetingNumber, NodeId, PolicyId,
    blocker::Severity,
    command::{Command, ContentPatch, NamedBlocker, NewBlocker, NewCheckIn},
    meeting::BlockingClaim,
    node::Representative,
    plan::{Declaration, NodeDeclaration},
    policy::{Action, ClockBase, Late, Rule, Trigger, default},
    profile::SettingsPatch,
};

use crate::store::history::{History, level, new_blocker, node};

const LEVELS: [&str; 4] = ["TEAM", "SOS", "TRAIN", "CREW"];

/// A source of commands (xorshift; no quality needed, only repetition).
pub(super) struct Random {
    state: u64,
    nodes_made: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            nodes_made: 0,
        }
    }

    /// A batch of 1 to 12 commands; many fit the state, some do not.
    pub(super) fn commands(&mut self, history: &History) -> Vec<Command> {
        let count = 1 + self.below(12);
        (0..count).map(|_| self.command(history)).collect()
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let count = u64::try_from(all.len()).unwrap();
        (count > 0).then(|| all[usize::try_from(self.below(count)).unwrap()].clone())
    }

    fn node(&mut self, history: &History) -> NodeId {
        let mut nodes: Vec<NodeId> = history.live.tree().iter().map(|n| n.id.clone()).collect();
        nodes.sort();
        self.pick(&nodes).unwrap()
    }

    fn any_blocker(&mut self, history: &History) -> BlockerNumber {
        let end = u64::try_from(history.live.next_blocker().get()).unwrap();
        BlockerNumber::new(i64::try_from(1 + self.below(end)).unwrap())
    }

    fn live_blocker(&mut self, history: &History) -> BlockerNumber {
        let live: Vec<BlockerNumber> = history.live.blockers().map(|b| b.number).collect();
        self.pick(&live).unwrap_or(BlockerNumber::new(1))
    }

    fn open_meeting(&mut self, history: &History) -> MeetingNumber {
        let open: Vec<MeetingNumber> = history.live.open_meetings().map(|m| m.number).collect();
        self.pick(&open).unwrap_or(MeetingNumber::new(1))
    }

    fn new_blocker(&mut self, history: &History) -> NewBlocker {
        let origin = self.node(history);
        let mut blocker = new_blocker(origin.as_str(), "it’s “stuck”\\ 🧱");
        blocker.description = "line one\nline two\ttabbed".to_owned();
        blocker.severity = self.pick(&Severity::ALL);
        blocker.causing_nodes = vec![self.node(history)];
        blocker.labels = [("area".to_owned(), "\"quoted\"".to_owned())].into();
        if self.below(3) == 0 {
            blocker.dedupe_key = format!("key-{}", self.below(6));
            blocker.due_at = Some(history.now.plus(Duration::from_secs(86_400)));
        }
        blocker
    }

    fn command(&mut self, history: &History) -> Command {
        match self.below(10) {
            0..=2 => Command::RaiseBlocker {
                blocker: Box::new(self.new_blocker(history)),
                anonymous: self.below(5) == 0,
            },
            3..=5 => self.about_blocker(history),
            6..=7 => self.about_meeting(history),
            8 => self.about_tree(history),
            _ => self.about_policy(history),
        }
    }

    fn about_blocker(&mut self, history: &History) -> Command {
        let number = self.live_blocker(history);
        let text = || "because".to_owned();
        let soon = history.now.plus(Duration::from_secs(7 * 3600));
        match self.below(13) {
            0 => Command::AcknowledgeBlocker {
                number,
                until: Some(soon),
                etag: None,
            },
            1 => Command::OwnBlocker {
                number,
                owner: "lead@example.com".to_owned(),
                committed_at: (self.below(2) == 0).then_some(soon),
                etag: None,
            },
            2 => Command::HoldBlocker {
                number,
                until: soon,
                approver: "rte@example.com".to_owned(),
                reason: text(),
                etag: None,
            },
            3 | 4 => Command::ResolveBlocker {
                number,
                resolution: text(),
                etag: None,
            },
            5 | 6 => Command::VerifyBlocker { number, etag: None },
            7 => Command::ReopenBlocker {
                number: self.any_blocker(history),
                reason: text(),
                etag: None,
            },
            8 => Command::WithdrawBlocker {
                number,
                reason: text(),
                etag: None,
            },
            9 => Command::MergeBlocker {
                number,
                into: self.any_blocker(history),
                etag: None,
            },
            10 => Command::EscalateBlocker {
                number,
                to: None,
                reason: text(),
                etag: None,
            },
            11 => Command::ReturnBlocker {
                number,
                to: None,
                guidance: text(),
                etag: None,
            },
            _ => Command::UpdateBlocker {
                number,
                patch: Box::new(ContentPatch {
                    title: None,
                    description: None,
                    severity: self.pick(&Severity::ALL),
                    category: Some("environment".to_owned()),
                    due_at: Some(Some(soon)),
                    labels: None,
                    blocked_nodes: None,
                    causing_nodes: None,
                    external_reference: None,
                }),
                etag: None,
            },
        }
    }

    fn about_meeting(&mut self, history: &History) -> Command {
        match self.below(4) {
            0 => Command::OpenMeeting {
                node: self.node(history),
                title: None,
            },
            1 => Command::CloseMeeting {
                number: self.open_meeting(history),
            },
            2 => Command::PassTimers {
                limit: 20,
                apart: BTreeSet::new(),
            },
            _ => {
                let meeting = self.open_meeting(history);
                let place = history.live.meeting(meeting).map(|m| m.node.clone());
                let place = place.unwrap_or(node("solution"));
                let children: Vec<NodeId> = history.live.tree().children(&place).cloned().collect();
                let team = self.pick(&children).unwrap_or(place);
                let mut named = self.new_blocker(history);
                named.origin = team.clone();
                named.title = format!("named {}", self.below(20));
                Command::SubmitCheckIn {
                    meeting,
                    check_in: NewCheckIn {
                        node: team,
                        accomplished: "shipped\nand slept".to_owned(),
                        planned: "more".to_owned(),
                        blockers: vec![
                            NamedBlocker::New(Box::new(named)),
                            NamedBlocker::Existing(self.live_blocker(history)),
                        ],
                        may_block: vec![BlockingClaim {
                            node: node("solution"),
                            note: "our release".to_owned(),
                        }],
                        decisions: vec!["which version".to_owned()],
                    },
                }
            }
        }
    }

    fn about_tree(&mut self, history: &History) -> Command {
        let id = self.node(history);
        match self.below(6) {
            0 => {
                self.nodes_made += 1;
                Command::CreateNode {
                    id: node(&format!("made-{}", self.nodes_made)),
                    parent: id,
                    level: level("TEAM"),
                    display_name: Some("Ünïcode".to_owned()),
                    representatives: vec![Representative {
                        person: "sm@example.com".to_owned(),
                        role: "SCRUM_MASTER".to_owned(),
                        start: Some(history.now),
                        end: None,
                    }],
                }
            }
            1 => Command::MoveNode {
                id,
                new_parent: self.node(history),
                etag: None,
            },
            2 => Command::ArchiveNode { id, etag: None },
            3 => self.restore(history),
            4 => Command::UpdateOrganization {
                display_name: Some(format!("Acme {}", self.below(9))),
                settings: SettingsPatch {
                    aged_after: Some(Duration::from_secs(86_400 * (1 + self.below(9)))),
                    due_soon_within: None,
                    acknowledgement_expiry: None,
                    hold_limit: None,
                },
                etag: None,
            },
            _ => Command::UpdateNode {
                id,
                display_name: None,
                level: self.pick(&LEVELS).map(level),
                representatives: None,
                etag: None,
            },
        }
    }

    /// The tree as it is, with every archived node below the root again.
    fn restore(&mut self, history: &History) -> Command {
        let root = node("solution");
        let nodes = history.live.tree().iter().map(|n| NodeDeclaration {
            id: n.id.clone(),
            parent: if n.archived {
                Some(root.clone())
            } else {
                n.parent.clone()
            },
            level: n.level.clone(),
            display_name: None,
            representatives: n.representatives.clone(),
        });
        let mut nodes: Vec<NodeDeclaration> = nodes.collect();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        Command::ApplyOrganization(Declaration {
            display_name: None,
            settings: SettingsPatch::default(),
            nodes,
        })
    }

    fn about_policy(&mut self, history: &History) -> Command {
        let ids: Vec<PolicyId> = history.live.policies().map(|p| p.id.clone()).collect();
        let mut rules = default::rules();
        rules.push(Rule {
            name: "slow".to_owned(),
            when: String::new(),
            trigger: Trigger::After {
                duration: Duration::new(3 * 3600, 1_000),
                since: self.pick(&ClockBase::ALL).unwrap(),
            },
            action: match self.below(4) {
                0 => Action::RequireOwner,
                1 => Action::EscalateToLevel(level("TRAIN")),
                2 => Action::EscalateToCommonAncestor,
                _ => Action::Notify {
                    roles: vec!["RTE".to_owned()],
                    message: "look".to_owned(),
                },
            },
            late: self.pick(&Late::ALL).unwrap(),
        });
        let id = self.pick(&ids).unwrap();
        match self.below(4) {
            0 => {
                let node = self.node(history);
                Command::CreatePolicy {
                    id: PolicyId::new("policy", &format!("p-{node}")).unwrap(),
                    node,
                    display_name: None,
                    rules,
                }
            }
            1 => Command::UpdatePolicy {
                id,
                display_name: Some("Renamed".to_owned()),
                rules: None,
                etag: None,
            },
            2 => Command::UpdatePolicy {
                id,
                display_name: None,
                rules: Some(rules),
                etag: None,
            },
            _ => Command::RebasePolicy { id },
        }
    }
}
