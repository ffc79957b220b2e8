//! Blockers: the life of a blocker, and what every method does to it.

use echelon_api::v1::{self, Blocker, BlockerState, ErrorReason, EscalationState, Severity};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    DAY, HOUR, Org, advance_to,
    asks::{acknowledge, hold, of, own, reopen, verify, withdraw},
    assert_sound, later,
    log::time,
    mask,
    refusal::refused,
};

on_both!(
    a_raised_blocker_is_held_by_its_origin,
    the_lifecycle_ends_verified_and_a_reopening_is_a_new_episode,
    an_edit_changes_content_and_is_no_progress,
    an_acknowledgement_pauses_until_it_expires,
    an_owner_with_a_date_is_left_alone_until_the_date,
    a_hold_pauses_until_its_end_which_is_progress,
    a_hold_beyond_the_limit_is_refused,
    a_withdrawn_blocker_is_closed_and_may_be_reopened,
    a_comment_is_in_the_history_and_changes_nothing_else,
);

async fn a_raised_blocker_is_held_by_its_origin(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server)
        .await
        .acting("scrum-master@example.com");
    let content = Blocker {
        origin: org.node("team-1"),
        title: "no test data".to_owned(),
        description: "the nightly export failed".to_owned(),
        severity: Severity::High.into(),
        category: "environment".to_owned(),
        blocked_nodes: vec![org.node("team-1"), org.node("team-2")],
        causing_nodes: vec![org.node("team-7")],
        due_time: later(&server, DAY),
        labels: [("sprint".to_owned(), "12".to_owned())].into(),
        external_reference: "https://tracker.example.com/T-1".to_owned(),
        dedupe_key: "export".to_owned(),
        ..Default::default()
    };
    let raised = org.raise_with(content.clone()).await;
    let engine = Blocker {
        name: org.blocker(1),
        holder: org.node("team-1"),
        reporter: "scrum-master@example.com".to_owned(),
        state: BlockerState::Raised.into(),
        escalation_state: EscalationState::Armed.into(),
        episode: 1,
        policy_version: format!("{}/versions/1", org.policy("default")),
        // What only the engine knows.
        escalation_time: raised.escalation_time,
        raise_time: raised.raise_time,
        level_enter_time: raised.raise_time,
        progress_time: raised.raise_time,
        etag: raised.etag.clone(),
        ..content
    };
    assert_eq!(raised, engine);
    let due = time(raised.escalation_time.as_ref());
    assert_eq!(due, time(raised.raise_time.as_ref()).plus(DAY));
    assert_eq!(org.get(&raised.name).await, raised);

    let plain = org.raise("team-2", "no licence").await;
    assert_eq!(plain.name, org.blocker(2));
    assert_eq!(plain.severity(), Severity::Medium);
    assert_eq!(plain.blocked_nodes, [org.node("team-2")]);
}

async fn the_lifecycle_ends_verified_and_a_reopening_is_a_new_episode(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let early = org.call(verify(&raised)).await;
    refused(early, Code::FailedPrecondition, ErrorReason::WrongState);
    let seen = of(org.ok(acknowledge(&raised)).await, |a| a.blocker);
    assert_eq!(seen.state(), BlockerState::Acknowledged);
    let owned = of(org.ok(own(&raised, None)).await, |a| a.blocker);
    assert_eq!(owned.state(), BlockerState::Owned);
    assert_eq!(owned.acknowledgement_expire_time, None);
    let resolved = org.resolve(&raised.name).await;
    assert_eq!(resolved.state(), BlockerState::Resolved);
    assert_eq!(resolved.resolution, "it works");
    assert!(resolved.close_time.is_some() && resolved.escalation_time.is_none());
    assert_eq!(resolved.escalation_state(), EscalationState::Unspecified);
    let verified = of(org.ok(verify(&raised)).await, |a| a.blocker);
    assert_eq!(verified.state(), BlockerState::Verified);
    assert_eq!(verified.close_time, resolved.close_time);

    server.advance(HOUR);
    let reopened = of(org.ok(reopen(&raised)).await, |a| a.blocker);
    assert_eq!(reopened.state(), BlockerState::Raised);
    assert_eq!(reopened.episode, 2);
    assert_eq!(reopened.close_time, None);
    assert_eq!(reopened.owner, "");
    assert_eq!(reopened.raise_time, raised.raise_time);
    assert_eq!(reopened.escalation_state(), EscalationState::Armed);
    let due = time(reopened.escalation_time.as_ref());
    assert_eq!(due, time(reopened.level_enter_time.as_ref()).plus(DAY));
    let twice = org.call(reopen(&raised)).await;
    refused(twice, Code::FailedPrecondition, ErrorReason::WrongState);
    assert_sound(&server).await;
}

async fn an_edit_changes_content_and_is_no_progress(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    server.advance(HOUR);
    let wanted = Blocker {
        name: raised.name.clone(),
        title: "no test data since Monday".to_owned(),
        severity: Severity::High.into(),
        category: "environment".to_owned(),
        etag: raised.etag.clone(),
        ..Default::default()
    };
    let update = |blocker: Blocker, paths: &[&str]| v1::UpdateBlockerRequest {
        blocker: Some(blocker),
        update_mask: mask(paths),
        ..Default::default()
    };
    let edited = of(org.ok(update(wanted.clone(), &["title"])).await, |a| {
        a.blocker
    });
    assert_eq!(edited.title, wanted.title);
    assert_eq!(edited.severity(), Severity::Medium);
    assert_eq!(edited.category, "");
    assert_eq!(edited.progress_time, raised.progress_time);
    assert_eq!(edited.escalation_time, raised.escalation_time);
    assert_ne!(edited.etag, raised.etag);

    let wanted = Blocker {
        etag: edited.etag.clone(),
        ..wanted
    };
    let edited = of(org.ok(update(wanted, &[])).await, |a| a.blocker);
    assert_eq!(edited.severity(), Severity::High);
    assert_eq!(edited.category, "environment");
    assert_eq!(edited.progress_time, raised.progress_time);
    // What the mask names and is empty is emptied; what is the same already is no change.
    let emptied = Blocker {
        name: raised.name.clone(),
        ..Default::default()
    };
    let before = org.revision().await;
    let edited = of(org.ok(update(emptied.clone(), &["category"])).await, |a| {
        a.blocker
    });
    assert_eq!(edited.category, "");
    org.ok(update(emptied, &["category", "due_time"])).await;
    assert_eq!(org.revision().await, before + 1);
}

async fn an_acknowledgement_pauses_until_it_expires(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    server.advance(20 * HOUR);
    let seen = of(org.ok(acknowledge(&raised)).await, |a| a.blocker);
    assert_eq!(seen.escalation_state(), EscalationState::Paused);
    let until = time(seen.acknowledgement_expire_time.as_ref());
    assert_eq!(until, time(seen.progress_time.as_ref()).plus(DAY));
    assert_eq!(seen.escalation_time, seen.acknowledgement_expire_time);

    // Its day passes; the acknowledgement is progress, so its rule is due when the acknowledgement ends.
    server.advance(12 * HOUR);
    server.pass_timers().await;
    assert_eq!(org.get(&raised.name).await, seen);
    let meeting = org.meet("team-1").await;
    let fate = &meeting.fates[0];
    assert_eq!(fate.kind(), v1::blocker_fate::Kind::CarriedOver);
    assert!(
        fate.reason.starts_with("acknowledged until"),
        "{}",
        fate.reason
    );

    advance_to(&server, until);
    server.pass_timers().await;
    let lapsed = org.get(&raised.name).await;
    assert_eq!(lapsed.state(), BlockerState::Raised);
    assert_eq!(lapsed.acknowledgement_expire_time, None);
    assert_eq!(lapsed.holder, org.node("rail-a"));
    let past = org
        .call(v1::AcknowledgeBlockerRequest {
            expire_time: later(&server, std::time::Duration::ZERO),
            ..acknowledge(&raised)
        })
        .await;
    refused(past, Code::InvalidArgument, ErrorReason::InvalidField);
}

async fn an_owner_with_a_date_is_left_alone_until_the_date(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let owned = of(org.ok(own(&raised, later(&server, 3 * DAY))).await, |a| {
        a.blocker
    });
    assert_eq!(owned.owner, "tech-lead@example.com");
    assert_eq!(owned.state(), BlockerState::Owned);
    // Owning it the same way again changes nothing.
    let commit_time = owned.commit_time;
    let again = of(org.ok(own(&raised, commit_time)).await, |a| a.blocker);
    assert_eq!(again, owned);
    let meeting = org.meet("team-1").await;
    assert_eq!(meeting.fates[0].kind(), v1::blocker_fate::Kind::CarriedOver);
    server.advance(2 * DAY);
    server.pass_timers().await;
    assert_eq!(org.get(&raised.name).await.holder, org.node("team-1"));
    server.advance(DAY);
    server.pass_timers().await;
    let moved = org.get(&raised.name).await;
    assert_eq!(moved.holder, org.node("rail-a"));
    assert_eq!((moved.owner.as_str(), moved.commit_time), ("", None));
    let explained = org.explain(&raised.name).await;
    assert_eq!(explained.moves[0].rule, "commitment-missed");
}

async fn a_hold_pauses_until_its_end_which_is_progress(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let held = of(org.ok(hold(&raised, later(&server, 5 * DAY))).await, |a| {
        a.blocker
    });
    assert_eq!(held.state(), BlockerState::OnHold);
    assert_eq!(held.escalation_state(), EscalationState::Paused);
    assert_eq!(held.hold_approver, "rte@example.com");
    assert_eq!(held.resolution, "the licence comes on Monday");
    let until = time(held.hold_expire_time.as_ref());
    server.advance(4 * DAY);
    server.pass_timers().await;
    assert_eq!(org.get(&raised.name).await, held);
    advance_to(&server, until.plus(HOUR));
    server.pass_timers().await;
    let ended = org.get(&raised.name).await;
    assert_eq!(ended.state(), BlockerState::Raised);
    assert_eq!(ended.holder, org.node("team-1"));
    assert_eq!(ended.hold_approver, "");
    // However late it is noticed, the clocks run from the end that was approved.
    assert_eq!(time(ended.progress_time.as_ref()), until);
    assert_eq!(time(ended.escalation_time.as_ref()), until.plus(DAY));
}

async fn a_hold_beyond_the_limit_is_refused(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    for expire_time in [
        later(&server, 31 * DAY),
        later(&server, std::time::Duration::ZERO),
        None,
    ] {
        let refusal = org.call(hold(&raised, expire_time)).await;
        refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    }
    let nobody = v1::HoldBlockerRequest {
        approver: " ".to_owned(),
        ..hold(&raised, later(&server, DAY))
    };
    let refusal = org.call(nobody).await;
    refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    assert_eq!(org.get(&raised.name).await, raised);
}

async fn a_withdrawn_blocker_is_closed_and_may_be_reopened(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised = org.raise("team-1", "no test data").await;
    let withdrawn = of(org.ok(withdraw(&raised)).await, |a| a.blocker);
    assert_eq!(withdrawn.state(), BlockerState::Withdrawn);
    assert_eq!(withdrawn.resolution, "not ours");
    assert!(withdrawn.close_time.is_some());
    let figures = org.figures("acme").await;
    assert_eq!((figures.open, figures.closed_total), (0, 1));
    assert_eq!(figures.awaiting_verification, 0);
    let reopened = of(org.ok(reopen(&raised)).await, |a| a.blocker);
    assert_eq!(
        (reopened.state(), reopened.episode),
        (BlockerState::Raised, 2)
    );
    assert_eq!(reopened.resolution, "");
}

async fn a_comment_is_in_the_history_and_changes_nothing_else(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await.acting("rte@example.com");
    let raised = org.raise("team-1", "no test data").await;
    server.advance(HOUR);
    let comment = |text: &str| v1::CommentOnBlockerRequest {
        name: raised.name.clone(),
        text: text.to_owned(),
        ..Default::default()
    };
    let commented = org.ok(comment("the export runs again at noon")).await;
    let event = commented.event.expect("a comment answers with its event");
    assert_eq!(event.actor, "rte@example.com");
    assert_eq!(org.events().await.last(), Some(&event));
    let after = org.get(&raised.name).await;
    let unchanged = Blocker {
        etag: after.etag.clone(),
        ..raised.clone()
    };
    assert_eq!(after, unchanged);
    let empty = org.call(comment(" ")).await;
    refused(empty, Code::InvalidArgument, ErrorReason::InvalidField);
    // Closed ones may be commented on too.
    org.resolve(&raised.name).await;
    org.ok(comment("it was the disk")).await;
    assert_eq!(org.get(&raised.name).await.state(), BlockerState::Resolved);
}
