//! A long history of calls of all mutating methods, the same for the same seed. It learns what is there only from the
//! answers that it gets, so that it tells servers apart that answer differently.

use std::time::Duration;

use echelon_api::v1::{self, Blocker, ClockBase, Severity, action};
use echelon_testkit::TestServer;
use prost::Message as _;

use super::{
    DAY, HOUR, MINUTE, Org,
    dice::Dice,
    later, mask,
    refusal::reason,
    rpc::Rpc,
    rules::{after, create, doing, meeting_closed, raised, rule, update},
    sample::{NODES, declaration, declarations},
    short,
};

const LEVELS: [&str; 3] = ["TEAM", "SOS", "SQUAD"];
const PEOPLE: [&str; 3] = [
    "tech-lead@example.com",
    "architect@example.com",
    "qa-lead@example.com",
];

/// A call and what came of it: the answer's bytes, or the reason of the refusal.
pub(crate) type Outcome = (&'static str, Result<Vec<u8>, String>);

/// A history in the making, on one server or on several in turn.
pub(crate) struct History<'a> {
    servers: &'a [TestServer],
    org: Org,
    dice: Dice,
    calls: usize,
    nodes: Vec<String>,
    blockers: usize,
    open_meetings: Vec<(String, String)>,
    policies: Vec<String>,
    /// Every call so far.
    pub(crate) outcomes: Vec<Outcome>,
}

impl<'a> History<'a> {
    /// A history that begins with the sample organization. The servers share a database and a clock.
    pub(crate) async fn begin(servers: &'a [TestServer], seed: u64) -> Self {
        Self {
            servers,
            org: Org::set_up(&servers[0]).await,
            dice: Dice::new(seed),
            calls: 0,
            nodes: NODES.iter().map(|node| node.0.to_owned()).collect(),
            blockers: 0,
            open_meetings: Vec::new(),
            policies: vec!["default".to_owned()],
            outcomes: Vec::new(),
        }
    }

    /// The organization.
    pub(crate) const fn org(&self) -> &Org {
        &self.org
    }

    /// Goes on for so many steps.
    pub(crate) async fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step().await;
        }
    }

    /// How many calls were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|(_, outcome)| outcome.is_ok())
            .count()
    }

    /// Calls the server whose turn it is, somebody or nobody acting.
    async fn call<R: Rpc>(&mut self, request: R) -> Option<R::Answer> {
        let server = &self.servers[self.calls % self.servers.len()];
        self.calls += 1;
        let mut org = self.org.through(server);
        if !self.dice.one_in(4) {
            org = org.acting(self.dice.pick(&PEOPLE));
        }
        let answer = org.call(request).await;
        let outcome = match &answer {
            Ok(answer) => Ok(answer.encode_to_vec()),
            Err(status) => Err(format!(
                "{:?} {}: {}",
                status.code(),
                reason(status),
                status.message()
            )),
        };
        self.outcomes.push((std::any::type_name::<R>(), outcome));
        answer.ok()
    }

    async fn step(&mut self) {
        match self.dice.below(40) {
            0..=7 => self.raise().await,
            8..=21 => self.change_blocker().await,
            22..=27 => self.meet().await,
            28..=31 => self.change_tree().await,
            32..=33 => self.change_policy().await,
            34 => self.update_organization().await,
            _ => self.let_time_pass().await,
        }
    }

    fn node(&mut self) -> String {
        let id = self.dice.pick(&self.nodes);
        self.org.node(&id)
    }

    fn blocker(&mut self) -> String {
        self.org.blocker(1 + self.dice.below(self.blockers + 1))
    }

    fn person(&mut self) -> String {
        self.dice.pick(&PEOPLE).to_owned()
    }

    fn request_id(&mut self) -> String {
        if self.dice.one_in(3) {
            format!("call-{}", self.calls)
        } else {
            String::new()
        }
    }

    fn soon(&mut self) -> Option<prost_types::Timestamp> {
        let hours = u32::try_from(1 + self.dice.below(70)).expect("it is small");
        later(&self.servers[0], HOUR * hours)
    }

    async fn raise(&mut self) {
        let severities = [
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ];
        let blocker = Blocker {
            origin: self.node(),
            title: format!("number {}", self.calls),
            severity: self.dice.pick(&severities).into(),
            category: self.dice.pick(&["", "environment", "decision"]).to_owned(),
            causing_nodes: if self.dice.one_in(3) {
                vec![self.node()]
            } else {
                Vec::new()
            },
            due_time: if self.dice.one_in(3) {
                self.soon()
            } else {
                None
            },
            dedupe_key: self.dice.pick(&["", "", "", "build", "export"]).to_owned(),
            labels: if self.dice.one_in(4) {
                [
                    ("sprint".to_owned(), "12".to_owned()),
                    ("area".to_owned(), "x".to_owned()),
                ]
                .into()
            } else {
                Default::default()
            },
            ..Default::default()
        };
        let request = v1::RaiseBlockerRequest {
            parent: self.org.name(),
            blocker: Some(blocker),
            anonymous: self.dice.one_in(5),
            request_id: self.request_id(),
        };
        if let Some(answer) = self.call(request).await
            && !answer.duplicate
        {
            self.blockers += 1;
        }
    }

    async fn change_blocker(&mut self) {
        let name = self.blocker();
        let text = || "because".to_owned();
        let request_id = self.request_id();
        macro_rules! change {
            ($request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
                let request = v1::$request {
                    name,
                    request_id,
                    $($field: $value,)*
                    ..Default::default()
                };
                self.call(request).await;
            }};
        }
        match self.dice.below(15) {
            0 => change!(AcknowledgeBlockerRequest {}),
            1 => {
                let owner = self.person();
                let commit_time = if self.dice.one_in(2) {
                    self.soon()
                } else {
                    None
                };
                change!(OwnBlockerRequest {
                    owner: owner,
                    commit_time: commit_time
                });
            }
            2 => {
                let expire_time = self.soon();
                change!(HoldBlockerRequest {
                    expire_time: expire_time,
                    approver: "rte@example.com".to_owned(),
                    reason: text(),
                });
            }
            3 | 4 => {
                let resolved = name.clone();
                change!(ResolveBlockerRequest { resolution: text() });
                if self.dice.one_in(2) {
                    let request = v1::VerifyBlockerRequest {
                        name: resolved,
                        ..Default::default()
                    };
                    self.call(request).await;
                }
            }
            5 => change!(VerifyBlockerRequest {}),
            6 | 7 => change!(ReopenBlockerRequest { reason: text() }),
            8 => change!(WithdrawBlockerRequest { reason: text() }),
            9 => {
                let into = self.blocker();
                change!(MergeBlockerRequest { into: into });
            }
            10 | 11 => change!(EscalateBlockerRequest { reason: text() }),
            12 => change!(ReturnBlockerRequest { guidance: text() }),
            13 => {
                let text = text();
                let request = v1::CommentOnBlockerRequest {
                    name,
                    text,
                    request_id,
                };
                self.call(request).await;
            }
            _ => {
                let blocker = Blocker {
                    name,
                    title: format!("edited {}", self.calls),
                    severity: self.dice.pick(&[Severity::High, Severity::Critical]).into(),
                    due_time: if self.dice.one_in(2) {
                        self.soon()
                    } else {
                        None
                    },
                    ..Default::default()
                };
                let paths: &[&str] = self
                    .dice
                    .pick(&[&["title"][..], &["severity", "due_time"][..]]);
                let request = v1::UpdateBlockerRequest {
                    blocker: Some(blocker),
                    update_mask: mask(paths),
                    request_id,
                };
                self.call(request).await;
            }
        }
    }

    async fn meet(&mut self) {
        let few = self.open_meetings.len() < 3;
        if few || self.dice.one_in(3) {
            let request = v1::OpenMeetingRequest {
                node: self.node(),
                request_id: self.request_id(),
                ..Default::default()
            };
            if let Some(answer) = self.call(request).await {
                let meeting = answer.meeting.expect("an opening answers");
                self.open_meetings.push((meeting.name, meeting.node));
            }
        } else if self.dice.one_in(2) {
            self.check_in().await;
        } else {
            let index = self.dice.below(self.open_meetings.len());
            let (name, _) = self.open_meetings.swap_remove(index);
            let request = v1::CloseMeetingRequest {
                name,
                request_id: self.request_id(),
            };
            self.call(request).await;
        }
    }

    async fn check_in(&mut self) {
        let (meeting, node) = self.dice.pick(&self.open_meetings);
        // A child, perhaps: some check-ins are refused.
        let node = if self.dice.one_in(2) {
            self.node()
        } else {
            node
        };
        let named = v1::CheckInBlocker {
            title: format!("named {}", self.calls % 7),
            severity: Severity::High.into(),
            ..Default::default()
        };
        let existing = v1::CheckInBlocker {
            blocker: self.blocker(),
            ..Default::default()
        };
        let blockers = if self.dice.one_in(3) {
            vec![named, existing]
        } else {
            vec![named]
        };
        let request = v1::SubmitCheckInRequest {
            meeting,
            check_in: Some(v1::CheckIn {
                node,
                accomplished: "something".to_owned(),
                blockers,
                may_block: vec![v1::BlockingClaim {
                    node: self.node(),
                    note: "perhaps".to_owned(),
                }],
                decisions: vec!["which first".to_owned()],
                ..Default::default()
            }),
            request_id: self.request_id(),
        };
        if let Some(answer) = self.call(request).await {
            self.blockers += answer.raised.len();
        }
    }

    async fn change_tree(&mut self) {
        match self.dice.below(10) {
            0..=2 => {
                let id = format!("node-{}", self.calls);
                let request = v1::CreateNodeRequest {
                    parent: self.org.name(),
                    node_id: id.clone(),
                    node: Some(v1::Node {
                        parent: self.node(),
                        level: self.dice.pick(&LEVELS).to_owned(),
                        ..Default::default()
                    }),
                    request_id: self.request_id(),
                };
                if self.call(request).await.is_some() {
                    self.nodes.push(id);
                }
            }
            3..=5 => {
                let request = v1::MoveNodeRequest {
                    name: self.node(),
                    new_parent: self.node(),
                    request_id: self.request_id(),
                    ..Default::default()
                };
                self.call(request).await;
            }
            6 | 7 => {
                let node = v1::Node {
                    name: self.node(),
                    level: self.dice.pick(&LEVELS).to_owned(),
                    display_name: format!("renamed {}", self.calls),
                    ..Default::default()
                };
                let request = v1::UpdateNodeRequest {
                    node: Some(node),
                    request_id: self.request_id(),
                    ..Default::default()
                };
                self.call(request).await;
            }
            8 => {
                let request = v1::ArchiveNodeRequest {
                    name: self.node(),
                    request_id: self.request_id(),
                    ..Default::default()
                };
                self.call(request).await;
            }
            _ => self.apply().await,
        }
    }

    /// Declares the sample again, perhaps without one of its branches.
    async fn apply(&mut self) {
        let mut nodes = declarations();
        if self.dice.one_in(2) {
            nodes.retain(|node| {
                !["road-a", "team-6", "team-7", "team-8"].contains(&node.id.as_str())
            });
        }
        let id = format!("applied-{}", self.calls);
        nodes.push(declaration(
            &id,
            self.dice.pick(&["rail-a", "rail"]),
            "TEAM",
        ));
        let request = v1::ApplyOrganizationRequest {
            name: self.org.name(),
            nodes,
            request_id: self.request_id(),
            ..Default::default()
        };
        if self.call(request).await.is_some() {
            self.nodes.push(id);
        }
    }

    async fn change_policy(&mut self) {
        let hours = u32::try_from(1 + self.dice.below(60)).expect("it is small");
        let timed = rule(
            "hours",
            "severity != \"LOW\"",
            after(HOUR * hours, ClockBase::Progress),
        );
        let notify = doing(
            rule("tell", "blocked_nodes > 0", raised()),
            action::Kind::Notify(action::Notify {
                roles: vec!["RTE".to_owned()],
                message: "look".to_owned(),
            }),
        );
        let owner = doing(
            rule("own", "!owned", after(HOUR, ClockBase::LevelEntered)),
            action::Kind::RequireOwner(action::RequireOwner {}),
        );
        let meetings = rule("meetings", "meetings_survived >= 1", meeting_closed());
        let rules = match self.dice.below(3) {
            0 => vec![timed, meetings],
            1 => vec![notify, owner, timed, meetings],
            _ => vec![meetings],
        };
        match self.dice.below(5) {
            0 | 1 => {
                let id = format!("policy-{}", self.calls);
                let node = self.node();
                let request = v1::CreateEscalationPolicyRequest {
                    request_id: self.request_id(),
                    ..create(&self.org, &id, short(&node), rules)
                };
                if self.call(request).await.is_some() {
                    self.policies.push(id);
                }
            }
            2 | 3 => {
                let id = self.dice.pick(&self.policies);
                let request = update(&self.org, &id, rules);
                self.call(request).await;
            }
            _ => {
                let id = self.dice.pick(&self.policies);
                let request = v1::RebasePolicyRequest {
                    name: self.org.policy(&id),
                    request_id: self.request_id(),
                    dry_run: false,
                };
                self.call(request).await;
            }
        }
    }

    async fn update_organization(&mut self) {
        let days = u32::try_from(1 + self.dice.below(9)).expect("it is small");
        let organization = v1::Organization {
            name: self.org.name(),
            settings: Some(v1::OrganizationSettings {
                aged_after: super::span(DAY * days),
                ..Default::default()
            }),
            ..Default::default()
        };
        let request = v1::UpdateOrganizationRequest {
            organization: Some(organization),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.call(request).await;
    }

    /// Advances the clock, and lets the server whose turn it is do what the workers would.
    async fn let_time_pass(&mut self) {
        let spans = [
            MINUTE,
            HOUR,
            7 * HOUR,
            DAY,
            2 * DAY,
            Duration::from_millis(1),
        ];
        let server = &self.servers[self.calls % self.servers.len()];
        server.advance(self.dice.pick(&spans));
        if self.servers.len() > 1 {
            self.org.through(server).touch().await;
        }
        server.pass_timers().await;
    }
}
