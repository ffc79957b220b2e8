//! Blockers: where they go by hand, when they are one, and when a call comes too late.

use echelon_api::v1::{self, Blocker, BlockerState, ErrorReason};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    DAY, HOUR, MINUTE, Org,
    asks::{acknowledge, escalate, hold, merge, of, own, reopen, send_back, verify, withdraw},
    assert_sound, later,
    refusal::refused,
};

on_both!(
    a_merged_blocker_names_its_cause,
    escalating_and_returning_by_hand_keep_to_the_path_of_the_origin,
    e1_a_reopened_blocker_goes_where_it_was_held_last,
    an_open_blocker_with_the_same_key_is_returned_instead,
    the_history_tells_everything_in_pages,
    a_stale_etag_is_refused_by_every_method,
    a_closed_blocker_is_not_worked_on,
);

async fn a_merged_blocker_names_its_cause(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let effect = org.raise("team-1", "tests fail").await;
    let cause = org.raise("team-7", "no test data").await;
    let itself = org.call(merge(&effect, &effect)).await;
    refused(itself, Code::InvalidArgument, ErrorReason::InvalidField);
    let merged = of(org.ok(merge(&effect, &cause)).await, |a| a.blocker);
    assert_eq!(merged.state(), BlockerState::Merged);
    assert_eq!(merged.merged_into, cause.name);
    assert_eq!(org.get(&cause.name).await, cause);
    let again = org.call(merge(&effect, &cause)).await;
    refused(again, Code::FailedPrecondition, ErrorReason::BlockerClosed);
    let into_closed = org.call(merge(&cause, &effect)).await;
    refused(
        into_closed,
        Code::FailedPrecondition,
        ErrorReason::BlockerClosed,
    );
    let reopened = org.call(reopen(&effect)).await;
    refused(reopened, Code::FailedPrecondition, ErrorReason::WrongState);
    assert_sound(&server).await;
}

async fn escalating_and_returning_by_hand_keep_to_the_path_of_the_origin(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    for to in ["team-2", "road", "team-1"] {
        let aside = org.call(escalate(&raised, org.node(to))).await;
        refused(aside, Code::FailedPrecondition, ErrorReason::NoLevelAbove);
    }
    let below = org.call(send_back(&raised, String::new())).await;
    refused(below, Code::FailedPrecondition, ErrorReason::NoLevelBelow);

    let up = of(org.ok(escalate(&raised, String::new())).await, |a| {
        a.blocker
    });
    assert_eq!(
        (up.holder.as_str(), up.escalation_count),
        (org.node("rail-a").as_str(), 1)
    );
    let up = of(org.ok(escalate(&raised, org.node("mobility"))).await, |a| {
        a.blocker
    });
    assert_eq!(
        (up.holder.as_str(), up.escalation_count),
        (org.node("mobility").as_str(), 2)
    );
    let up = of(org.ok(escalate(&raised, String::new())).await, |a| {
        a.blocker
    });
    assert_eq!(up.holder, org.node("acme"));
    let above = org.call(escalate(&raised, String::new())).await;
    refused(above, Code::FailedPrecondition, ErrorReason::NoLevelAbove);

    for to in ["road", "team-2"] {
        let aside = org.call(send_back(&raised, org.node(to))).await;
        refused(aside, Code::FailedPrecondition, ErrorReason::NoLevelBelow);
    }
    let down = of(org.ok(send_back(&raised, String::new())).await, |a| {
        a.blocker
    });
    assert_eq!(down.holder, org.node("mobility"));
    assert_eq!(down.guidance, "use the old sandbox");
    assert_eq!(down.state(), BlockerState::Raised);
    let down = of(org.ok(send_back(&raised, org.node("team-1"))).await, |a| {
        a.blocker
    });
    assert_eq!(down.holder, org.node("team-1"));
    assert_eq!(down.escalation_count, 3);

    let moves = org.explain(&raised.name).await.moves;
    let told: Vec<_> = moves
        .iter()
        .map(|step| (step.kind(), step.reason.as_str()))
        .collect();
    use v1::r#move::Kind::{Escalated, Returned};
    assert_eq!(
        told,
        [
            (Escalated, "needs a decision"),
            (Escalated, "needs a decision"),
            (Escalated, "needs a decision"),
            (Returned, "use the old sandbox"),
            (Returned, "use the old sandbox"),
        ]
    );
    assert_sound(&server).await;
}

async fn e1_a_reopened_blocker_goes_where_it_was_held_last(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut raised = Vec::new();
    for holder in ["rail-a", "rail", "acme"] {
        let blocker = org.raise("team-1", &format!("held by {holder}")).await;
        org.ok(escalate(&blocker, org.node(holder))).await;
        org.resolve(&blocker.name).await;
        raised.push(blocker);
    }
    let first = of(org.ok(reopen(&raised[0])).await, |a| a.blocker);
    assert_eq!(first.holder, org.node("rail-a"));
    // The tree changes around the closed ones: what held them last is not above their origin any more.
    org.resolve(&raised[0].name).await;
    org.ok(v1::MoveNodeRequest {
        name: org.node("team-1"),
        new_parent: org.node("road-a"),
        ..Default::default()
    })
    .await;
    let mut holders = Vec::new();
    for blocker in &raised {
        holders.push(of(org.ok(reopen(blocker)).await, |a| a.blocker).holder);
    }
    let expected = ["mobility", "mobility", "acme"].map(|id| org.node(id));
    assert_eq!(holders, expected);
    assert_sound(&server).await;
}

async fn an_open_blocker_with_the_same_key_is_returned_instead(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raise = |origin: &str, title: &str| v1::RaiseBlockerRequest {
        parent: org.name(),
        blocker: Some(Blocker {
            origin: org.node(origin),
            title: title.to_owned(),
            dedupe_key: "build".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let first = org.ok(raise("team-1", "the build is red")).await;
    assert!(!first.duplicate);
    let second = org.ok(raise("team-2", "still red")).await;
    assert!(second.duplicate);
    assert_eq!(second.blocker, first.blocker);
    assert_eq!(second.revision, first.revision);
    // Many at once are one as well.
    let first = first.blocker.expect("it is there");
    org.ok(withdraw(&first)).await;
    let raised = (0..8).map(|number| {
        let (org, request) = (org.clone(), raise("team-3", &format!("red again {number}")));
        async move { org.ok(request).await }
    });
    let raised = crate::support::together(raised).await;
    assert_eq!(raised.iter().filter(|answer| !answer.duplicate).count(), 1);
    let name = |answer: &v1::RaiseBlockerResponse| answer.blocker.clone().map(|open| open.name);
    assert!(
        raised
            .iter()
            .all(|answer| name(answer) == Some(org.blocker(2)))
    );
    let closed = org.call(reopen(&first)).await;
    refused(closed, Code::FailedPrecondition, ErrorReason::WrongState);
    org.resolve(&org.blocker(2)).await;
    org.ok(reopen(&first)).await;
    assert_eq!(org.figures("acme").await.open, 1);
    assert_sound(&server).await;
}

async fn the_history_tells_everything_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let other = org.raise("team-1", "no licence").await;
    org.ok(acknowledge(&raised)).await;
    server.advance(DAY + MINUTE);
    server.pass_timers().await;
    org.meet("rail-a").await;
    org.ok(own(&raised, None)).await;
    org.resolve(&raised.name).await;
    org.ok(verify(&raised)).await;
    org.ok(withdraw(&other)).await;
    let mut expected = org.events().await;
    expected.retain(|event| event.blocker == raised.name);
    let kinds: Vec<_> = crate::support::log::changes(&expected)
        .iter()
        .map(|change| change.kind)
        .collect();
    use v1::BlockerChange::*;
    assert_eq!(
        kinds,
        [
            Raised,
            Acknowledged,
            AcknowledgementLapsed,
            Escalated,
            CarriedOver,
            Owned,
            Resolved,
            Verified
        ]
    );
    for page_size in [0, 1, 3, 8] {
        let mut request = v1::ListBlockerHistoryRequest {
            name: raised.name.clone(),
            page_size,
            ..Default::default()
        };
        let mut listed = Vec::new();
        loop {
            let page = org.ok(request.clone()).await;
            listed.extend(page.events);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert_eq!(listed, expected, "in pages of {page_size}");
    }
}

async fn a_stale_etag_is_refused_by_every_method(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let other = org.raise("team-1", "no licence").await;
    org.ok(own(&raised, None)).await;
    let before = org.revision().await;
    let etag = raised.etag.clone();
    let stale = |name: &str, refusal: Result<(), tonic::Status>| {
        let status = refused(refusal, Code::Aborted, ErrorReason::StaleEtag);
        assert!(status.message().contains("B-1"), "{name}: {status:?}");
    };
    macro_rules! stale {
        ($request:expr) => {{
            let mut request = $request;
            request.etag.clone_from(&etag);
            stale(stringify!($request), org.call(request).await.map(drop));
        }};
    }
    stale!(acknowledge(&raised));
    stale!(own(&raised, None));
    stale!(hold(&raised, later(&server, HOUR)));
    stale!(withdraw(&raised));
    stale!(merge(&raised, &other));
    stale!(escalate(&raised, String::new()));
    stale!(send_back(&raised, String::new()));
    stale!(verify(&raised));
    stale!(reopen(&raised));
    stale!(v1::ResolveBlockerRequest {
        name: raised.name.clone(),
        ..Default::default()
    });
    let edit = v1::UpdateBlockerRequest {
        blocker: Some(Blocker {
            title: "another".to_owned(),
            ..raised.clone()
        }),
        ..Default::default()
    };
    stale("UpdateBlocker", org.call(edit).await.map(drop));
    assert_eq!(org.revision().await, before);
}

async fn a_closed_blocker_is_not_worked_on(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let other = org.raise("team-1", "no licence").await;
    let raised = org.raise("team-1", "no test data").await;
    org.resolve(&raised.name).await;
    org.ok(verify(&raised)).await;
    let before = org.get(&raised.name).await;
    server.advance(MINUTE);
    macro_rules! closed {
        ($request:expr) => {
            refused(
                org.call($request).await,
                Code::FailedPrecondition,
                ErrorReason::BlockerClosed,
            )
        };
    }
    closed!(acknowledge(&raised));
    closed!(own(&raised, None));
    closed!(hold(&raised, later(&server, HOUR)));
    closed!(withdraw(&raised));
    closed!(merge(&raised, &other));
    closed!(merge(&other, &raised));
    closed!(escalate(&raised, String::new()));
    closed!(send_back(&raised, String::new()));
    closed!(v1::ResolveBlockerRequest {
        name: raised.name.clone(),
        ..Default::default()
    });
    closed!(v1::UpdateBlockerRequest {
        blocker: Some(Blocker {
            title: "another".to_owned(),
            ..Blocker {
                name: raised.name.clone(),
                ..Default::default()
            }
        }),
        ..Default::default()
    });
    assert_eq!(org.get(&raised.name).await, before);
}
