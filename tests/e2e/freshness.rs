//! Reads say what they reflect: every answer has its revision, and waits for the one that is asked for.

mod replicas;

use std::{collections::BTreeSet, time::Duration};

use echelon_api::{
    convert::error::status,
    v1::{self, ErrorReason},
};
use echelon_domain::OrganizationId;
use echelon_server::config::Config;
use echelon_testkit::{START, TestDatabase, TestServer, on_both};
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{Org, refusal::refused, rules, soon, together};

on_both!(
    every_answer_reflects_the_revision_that_is_asked_for,
    a_read_that_waits_is_answered_by_the_next_write,
    a_revision_that_does_not_come_ends_as_unavailable,
    many_reads_of_a_revision_far_off_cost_the_database_little,
    pages_may_be_of_different_revisions,
);

/// What the reads are about.
#[derive(Clone)]
struct Written {
    blocker: String,
    meeting: String,
    node: String,
    policy: String,
    revision: i64,
}

/// Writes one of everything; the last revision is that of a closed meeting.
async fn write(org: &Org) -> Written {
    let node = v1::CreateNodeRequest {
        parent: org.name(),
        node_id: "team-new".to_owned(),
        node: Some(v1::Node {
            parent: org.node("rail-a"),
            level: "TEAM".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    org.ok(node).await;
    let rule = rules::rule("up", "", rules::meeting_closed());
    org.ok(rules::create(org, "new-rules", "team-new", vec![rule]))
        .await;
    let blocker = org.raise("team-new", "no test data").await.name;
    let meeting = org.open("team-new").await.name;
    let closed = org.ok(v1::CloseMeetingRequest {
        name: meeting.clone(),
        ..Default::default()
    });
    Written {
        blocker,
        node: org.node("team-new"),
        policy: org.policy("new-rules"),
        revision: closed.await.revision,
        meeting,
    }
}

/// Reads everything, each in its way, as of at least a revision. Gives what each answer says of itself.
async fn read(org: &Org, written: &Written, min_revision: i64) -> Vec<(&'static str, i64)> {
    let Written {
        blocker,
        meeting,
        node,
        policy,
        revision: _,
    } = written.clone();
    let parent = org.name();
    let mut told = Vec::new();
    macro_rules! ask {
        ($request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
            let mut request = v1::$request::default();
            request.min_revision = min_revision;
            $(request.$field = $value;)*
            let answer = org.ok(request).await;
            told.push((stringify!($request), answer.revision));
            answer
        }};
    }
    ask!(GetOrganizationRequest {
        name: parent.clone()
    });
    ask!(GetNodeRequest { name: node.clone() });
    let nodes = ask!(ListNodesRequest {
        parent: parent.clone()
    });
    assert!(nodes.nodes.iter().any(|found| found.name == node));
    let found = ask!(GetBlockerRequest {
        name: blocker.clone()
    });
    assert_eq!(found.blocker.map(|found| found.escalation_count), Some(1));
    let list = ask!(ListBlockersRequest {
        parent: parent.clone(),
        node: org.node("rail-a"),
    });
    assert!(list.blockers.iter().any(|found| found.name == blocker));
    let history = ask!(ListBlockerHistoryRequest {
        name: blocker.clone()
    });
    assert!(history.events.len() > 1);
    let explained = ask!(ExplainBlockerRequest {
        name: blocker.clone()
    });
    assert_eq!(explained.moves.len(), 1);
    let found = ask!(GetMeetingRequest {
        name: meeting.clone()
    });
    assert_eq!(found.meeting.map(|meeting| meeting.fates.len()), Some(1));
    let fates = ask!(ListMeetingFatesRequest {
        parent: meeting.clone()
    });
    assert_eq!(fates.fates.len(), 1);
    let meetings = ask!(ListMeetingsRequest {
        parent: parent.clone(),
        node: node.clone(),
    });
    assert_eq!(meetings.meetings[0].state(), v1::MeetingState::Closed);
    let agenda = ask!(GetAgendaRequest {
        name: org.node("rail-a")
    });
    assert_eq!(agenda.items.len(), 1);
    ask!(GetEscalationPolicyRequest {
        name: policy.clone()
    });
    ask!(ListEscalationPoliciesRequest {
        parent: parent.clone()
    });
    ask!(ListEscalationPolicyVersionsRequest {
        parent: policy.clone()
    });
    ask!(TestPolicyRequest {
        parent: parent.clone(),
        policy: Some(v1::test_policy_request::Policy::PolicyName(policy)),
        subject: Some(v1::test_policy_request::Subject::BlockerName(blocker)),
    });
    let rollup = v1::GetRollupRequest { node, min_revision };
    let rollup = org.ok(rollup).await.rollup.expect("a roll-up is there");
    told.push(("GetRollupRequest", rollup.revision));
    told
}

fn assert_reflects(told: &[(&'static str, i64)], revision: i64) {
    for (request, at) in told {
        assert!(*at >= revision, "{request} tells {at}, not {revision}");
    }
}

async fn every_answer_reflects_the_revision_that_is_asked_for(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let written = write(&org).await;
    // What a server has acknowledged it reflects, asked for or not.
    for min_revision in [0, 1, written.revision] {
        let told = read(&org, &written, min_revision).await;
        assert_reflects(&told, written.revision);
    }
}

async fn a_read_that_waits_is_answered_by_the_next_write(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let next = org.revision().await + 1;
    let request = v1::ListBlockersRequest {
        parent: org.name(),
        min_revision: next,
        ..Default::default()
    };
    let waiting = {
        let org = org.clone();
        tokio::spawn(async move { org.ok(request).await })
    };
    let raised = org.raise("team-1", "no test data").await;
    let found = soon(waiting).await.expect("no task panics");
    assert_eq!(found.blockers, [raised]);
    assert_eq!(found.revision, next);
}

async fn a_revision_that_does_not_come_ends_as_unavailable(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let newest = org.revision().await;
    let id = OrganizationId::new("name", "acme").expect("it is an id");
    let patience = Duration::from_millis(60);
    let snapshot = server.app().snapshot_at(&id, newest + 1, patience).await;
    let status = status(&snapshot.expect_err("nobody writes it"));
    let status = refused::<()>(Err(status), Code::Unavailable, ErrorReason::Unavailable);
    assert!(status.get_details_retry_info().is_some());
    assert!(status.message().contains(&newest.to_string()), "{status:?}");
}

async fn many_reads_of_a_revision_far_off_cost_the_database_little(database: TestDatabase) {
    let allowed = |config: &mut Config| config.request_timeout_max = Duration::from_millis(400);
    let clock = echelon_server::clock::ManualClock::new(START);
    let server = TestServer::start_with(&database, clock, allowed).await;
    let org = Org::set_up(&server).await;
    let before = server.statements();
    let calls = (0..60).map(|_| {
        let org = org.clone();
        async move {
            let request = v1::GetNodeRequest {
                name: org.node("rail"),
                min_revision: i64::MAX,
            };
            org.call(request).await
        }
    });
    for result in together(calls).await {
        let status = refused(result, Code::Unavailable, ErrorReason::Unavailable);
        assert!(status.get_details_retry_info().is_some());
    }
    let statements = server.statements() - before;
    assert!(statements < 30, "{statements} statements for 60 calls");
    // And whoever asks for less is not held up.
    org.raise("team-1", "no test data").await;
}

async fn pages_may_be_of_different_revisions(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 3).await;
    let mut request = v1::ListBlockersRequest {
        parent: org.name(),
        page_size: 2,
        ..Default::default()
    };
    let first = org.ok(request.clone()).await;
    org.raise("team-1", "one more").await;
    request.min_revision = org.revision().await;
    request.page_token = first.next_page_token;
    let second = org.ok(request).await;
    assert_eq!((first.blockers.len(), second.blockers.len()), (2, 2));
    assert!(second.revision > first.revision);
}

/// What reads an organization and takes no `min_revision`: organizations as such have no common revision, and the feed
/// has tokens.
const WITHOUT: [&str; 3] = ["ListEvents", "ListOrganizations", "WatchEvents"];

#[test]
fn every_read_takes_a_revision_and_tells_one() {
    let files = prost_types::FileDescriptorSet::decode(echelon_api::DESCRIPTORS)
        .expect("the descriptors decode")
        .file;
    let files = files.iter().filter(|file| file.package() == "echelon.v1");
    let (mut methods, mut fields) = (Vec::new(), BTreeSet::new());
    for file in files {
        for message in &file.message_type {
            for field in &message.field {
                fields.insert((message.name(), field.name()));
            }
        }
        for service in &file.service {
            methods.extend(service.method.iter().map(|method| method.name()));
        }
    }
    let has = |method: &str, kind: &str, field| {
        let message = format!("{method}{kind}");
        fields.contains(&(message.as_str(), field))
    };
    let reads = |method: &&str| !has(method, "Request", "request_id");
    let mut without: Vec<&str> = Vec::new();
    for method in methods.into_iter().filter(reads) {
        if !has(method, "Request", "min_revision") {
            without.push(method);
        } else if !["GetRollup", "WatchRollup"].contains(&method) {
            assert!(has(method, "Response", "revision"), "{method}");
        }
    }
    without.sort_unstable();
    assert_eq!(without, WITHOUT);
}
