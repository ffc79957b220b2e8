//! Idempotency: a retry of a call gets the first answer, and changes nothing.

use std::{future::Future, pin::Pin};

use echelon_api::v1::{self, Blocker, ClockBase, ErrorReason};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;
use tonic::Code;

use crate::support::{
    DAY, HOUR, MINUTE, Org, later,
    refusal::refused,
    rpc::Rpc,
    rules::{after, create, rule, update},
    sample::{TEAMS, declarations},
    together,
};

on_both!(
    e7_a_retry_of_any_method_gets_the_first_answer_also_after_a_restart,
    e7_the_same_request_at_once_is_done_once,
    e7_a_request_id_is_good_for_one_call,
    e7_what_was_refused_may_be_tried_again,
    e7_request_ids_belong_to_an_organization,
);

type Bytes = Pin<Box<dyn Future<Output = Vec<u8>>>>;
type Call = Box<dyn Fn(Org) -> Bytes>;

/// Calls, in order, each with its first answer.
struct Calls {
    org: Org,
    done: Vec<(Vec<u8>, Call)>,
}

impl Calls {
    /// Makes a call, and retries it at once.
    async fn make<R: Rpc>(&mut self, request: R) -> R::Answer {
        let answer = self.org.ok(request.clone()).await;
        let first = answer.encode_to_vec();
        let events = self.org.events().await.len();
        let call = move |org: Org| -> Bytes {
            let request = request.clone();
            Box::pin(async move { org.ok(request).await.encode_to_vec() })
        };
        assert_eq!(call(self.org.clone()).await, first);
        assert_eq!(self.org.events().await.len(), events);
        self.done.push((first, Box::new(call)));
        answer
    }

    fn id(&self) -> String {
        format!("call-{}", self.done.len())
    }
}

macro_rules! call {
    ($calls:expr, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut request = v1::$request::default();
        $(request.$field = $value;)*
        request.request_id = $calls.id();
        $calls.make(request).await
    }};
}

/// One call of every mutating method.
async fn call_everything(server: &TestServer, calls: &mut Calls) {
    let org = calls.org.clone();
    let reason = || "because".to_owned();
    call!(
        calls,
        ApplyOrganizationRequest {
            name: org.name(),
            nodes: declarations()
        }
    );
    call!(
        calls,
        UpdateOrganizationRequest {
            organization: Some(v1::Organization {
                name: org.name(),
                display_name: "Acme".to_owned(),
                ..Default::default()
            }),
        }
    );
    let node = |parent: &str| v1::Node {
        parent: org.node(parent),
        level: "TEAM".to_owned(),
        ..Default::default()
    };
    call!(
        calls,
        CreateNodeRequest {
            parent: org.name(),
            node_id: "team-9".to_owned(),
            node: Some(node("rail-a")),
        }
    );
    call!(
        calls,
        UpdateNodeRequest {
            node: Some(v1::Node {
                name: org.node("team-9"),
                display_name: "The ninth".to_owned(),
                ..Default::default()
            }),
        }
    );
    call!(
        calls,
        MoveNodeRequest {
            name: org.node("team-9"),
            new_parent: org.node("rail-b")
        }
    );
    call!(
        calls,
        ArchiveNodeRequest {
            name: org.node("team-9")
        }
    );
    let mut names = Vec::new();
    for (index, team) in TEAMS.iter().enumerate() {
        let raised = call!(
            calls,
            RaiseBlockerRequest {
                parent: org.name(),
                blocker: Some(Blocker {
                    origin: org.node(team),
                    title: "no test data".to_owned(),
                    labels: [("a", "1"), ("b", "2"), ("c", "3")]
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                    ..Default::default()
                }),
                anonymous: index == 1,
            }
        );
        names.push(raised.blocker.expect("a raise answers").name);
    }
    let name = |index: usize| names[index].clone();
    call!(
        calls,
        UpdateBlockerRequest {
            blocker: Some(Blocker {
                name: name(0),
                category: "environment".to_owned(),
                ..Default::default()
            }),
        }
    );
    call!(calls, AcknowledgeBlockerRequest { name: name(0) });
    call!(
        calls,
        OwnBlockerRequest {
            name: name(0),
            owner: "tech-lead@example.com".to_owned(),
            commit_time: later(server, DAY),
        }
    );
    call!(
        calls,
        HoldBlockerRequest {
            name: name(1),
            expire_time: later(server, DAY),
            approver: "rte@example.com".to_owned(),
        }
    );
    call!(
        calls,
        EscalateBlockerRequest {
            name: name(2),
            reason: reason()
        }
    );
    call!(
        calls,
        ReturnBlockerRequest {
            name: name(2),
            guidance: reason()
        }
    );
    call!(
        calls,
        CommentOnBlockerRequest {
            name: name(2),
            text: reason()
        }
    );
    call!(
        calls,
        ResolveBlockerRequest {
            name: name(3),
            resolution: reason()
        }
    );
    call!(calls, VerifyBlockerRequest { name: name(3) });
    call!(
        calls,
        ReopenBlockerRequest {
            name: name(3),
            reason: reason()
        }
    );
    call!(
        calls,
        WithdrawBlockerRequest {
            name: name(4),
            reason: reason()
        }
    );
    call!(
        calls,
        MergeBlockerRequest {
            name: name(5),
            into: name(6)
        }
    );
    let opened = call!(
        calls,
        OpenMeetingRequest {
            node: org.node("team-1")
        }
    );
    let meeting = opened.meeting.expect("an opening answers").name;
    call!(
        calls,
        SubmitCheckInRequest {
            meeting: meeting.clone(),
            check_in: Some(v1::CheckIn {
                node: org.node("team-1"),
                blockers: vec![v1::CheckInBlocker {
                    title: "no licence".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            }),
        }
    );
    call!(calls, CloseMeetingRequest { name: meeting });
    let rules = |hours: u32| vec![rule("hours", "", after(HOUR * hours, ClockBase::Progress))];
    let request = v1::CreateEscalationPolicyRequest {
        request_id: calls.id(),
        ..create(&org, "fast", "road", rules(5))
    };
    calls.make(request).await;
    let request = v1::UpdateEscalationPolicyRequest {
        request_id: calls.id(),
        ..update(&org, "fast", rules(1))
    };
    calls.make(request).await;
    call!(
        calls,
        RebasePolicyRequest {
            name: org.policy("fast")
        }
    );
}

async fn e7_a_retry_of_any_method_gets_the_first_answer_also_after_a_restart(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme").acting("rte@example.com");
    let mut calls = Calls {
        org: org.clone(),
        done: Vec::new(),
    };
    call_everything(&server, &mut calls).await;
    // Creating is done for another one, since this one was applied.
    let mut other = Calls {
        org: Org::named(&server, "other"),
        done: Vec::new(),
    };
    call!(
        other,
        CreateOrganizationRequest {
            organization_id: "other".to_owned(),
            organization: Some(v1::Organization {
                display_name: "Other".to_owned(),
                ..Default::default()
            }),
        }
    );
    let revision = org.revision().await;
    let clock = server.clock().clone();
    server.stop().await;
    clock.advance(HOUR);
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    for calls in [calls, other] {
        for (first, call) in calls.done {
            // Whoever retries.
            let org = calls
                .org
                .through(&server)
                .acting("scrum-master@example.com");
            assert_eq!(call(org).await, first);
        }
    }
    assert_eq!(org.through(&server).revision().await, revision);
}

fn raise(org: &Org, title: &str, request_id: &str) -> v1::RaiseBlockerRequest {
    v1::RaiseBlockerRequest {
        parent: org.name(),
        blocker: Some(Blocker {
            origin: org.node("team-1"),
            title: title.to_owned(),
            ..Default::default()
        }),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn e7_the_same_request_at_once_is_done_once(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let calls = (0..16).map(|index| {
        let org = org.clone();
        // Two different ones, mixed.
        let request = raise(&org, "no test data", ["first", "second"][index % 2]);
        async move { org.ok(request).await.encode_to_vec() }
    });
    let answers = together(calls).await;
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, answers[index % 2]);
    }
    assert_ne!(answers[0], answers[1]);
    assert_eq!(org.figures("team-1").await.raised_total, 2);
}

async fn e7_a_request_id_is_good_for_one_call(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let first = org.ok(raise(&org, "no test data", "once")).await;
    let other_content = org.call(raise(&org, "no licence", "once")).await;
    refused(
        other_content,
        Code::AlreadyExists,
        ErrorReason::RequestIdReused,
    );
    let other_method = v1::OpenMeetingRequest {
        node: org.node("team-1"),
        request_id: "once".to_owned(),
        ..Default::default()
    };
    let other_method = org.call(other_method).await;
    refused(
        other_method,
        Code::AlreadyExists,
        ErrorReason::RequestIdReused,
    );
    assert_eq!(org.revision().await, first.revision);
    assert_eq!(org.ok(raise(&org, "no test data", "once")).await, first);
}

async fn e7_what_was_refused_may_be_tried_again(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut request = raise(&org, "no test data", "again");
    let origin = org.node("team-9");
    request.blocker.as_mut().expect("it has one").origin = origin.clone();
    let refusal = org.call(request.clone()).await;
    refused(refusal, Code::NotFound, ErrorReason::NotFound);
    org.ok(v1::CreateNodeRequest {
        parent: org.name(),
        node_id: "team-9".to_owned(),
        node: Some(v1::Node {
            parent: org.node("rail-a"),
            level: "TEAM".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    })
    .await;
    let raised = org.ok(request).await.blocker.expect("a raise answers");
    assert_eq!(raised.origin, origin);
}

async fn e7_request_ids_belong_to_an_organization(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let acme = Org::set_up(&server).await;
    let other = Org::named(&server, "other");
    other.apply_sample().await;
    let first = acme.ok(raise(&acme, "no test data", "same")).await;
    server.advance(MINUTE);
    let second = other.ok(raise(&other, "no licence", "same")).await;
    assert_ne!(first.blocker, second.blocker);
    assert_eq!(other.figures("team-1").await.raised_total, 1);
}
