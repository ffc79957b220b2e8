//! Roll-ups: the figures of a subtree, what needs attention, and watching them.

use std::time::Duration;

use echelon_api::v1::{
    self, AttentionReason, ErrorReason, Severity, WatchRollupResponse,
    rollup_service_client::RollupServiceClient,
};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tokio_stream::StreamExt as _;
use tonic::{Code, Streaming};

use crate::support::{
    DAY, HOUR, MINUTE, Org, later, refusal::reason, refusal::refused, short, soon,
};

on_both!(
    a_rollup_counts_where_blockers_were_raised_and_shows_who_holds_them,
    what_changes_with_the_clock_is_as_of_the_answers_time,
    the_trend_is_since_the_last_midnight,
    attention_is_ranked_and_comes_in_pages,
    a_rollup_of_at_least_a_revision_waits_for_it,
    a_watched_rollup_is_sent_when_and_only_when_a_figure_changes,
    a_watched_rollup_follows_the_clock,
    a_watched_rollup_ends_with_a_shutdown,
);

async fn escalate(org: &Org, name: &str, to: &str) {
    org.ok(v1::EscalateBlockerRequest {
        name: name.to_owned(),
        to: org.node(to),
        reason: "two teams".to_owned(),
        ..Default::default()
    })
    .await;
}

async fn a_rollup_counts_where_blockers_were_raised_and_shows_who_holds_them(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let first = org.raise_as("team-1", Severity::High).await;
    org.raise_as("team-1", Severity::Low).await;
    let up = org.raise_as("team-4", Severity::High).await;
    escalate(&org, &up.name, "mobility").await;
    let mid = org.raise_as("team-5", Severity::Medium).await;
    escalate(&org, &mid.name, "rail-b").await;
    let solved = org.raise_as("rail", Severity::Medium).await;
    org.resolve(&solved.name).await;
    org.raise_as("team-7", Severity::High).await;
    org.ok(v1::OwnBlockerRequest {
        name: first.name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        ..Default::default()
    })
    .await;
    org.meet("rail").await;

    let rollup = org.rollup("rail").await;
    assert_eq!(
        (rollup.node.as_str(), rollup.level.as_str()),
        (org.node("rail").as_str(), "TRAIN")
    );
    assert_eq!(rollup.revision, org.revision().await);
    let figures = rollup.figures.clone().expect("a roll-up has figures");
    let expected = v1::RollupFigures {
        open: 4,
        by_severity: Some(v1::SeverityCounts {
            low: 1,
            medium: 1,
            high: 2,
            critical: 0,
        }),
        by_state: Some(v1::StateCounts {
            raised: 3,
            acknowledged: 0,
            owned: 1,
            on_hold: 0,
        }),
        by_holder_level: [("TEAM", 2), ("SOS", 1), ("SOLUTION", 1)]
            .map(|(level, count)| (level.to_owned(), count))
            .into(),
        held_here: 0,
        held_below: 3,
        held_above: 1,
        unowned: 3,
        awaiting_verification: 1,
        raised_total: 5,
        closed_total: 1,
        escalated_in: 0,
        escalated_out: 1,
        open_since_yesterday: 4,
        meetings_held: 1,
        oldest_raise_time: first.raise_time,
        ..Default::default()
    };
    assert_eq!(figures, expected);
    let children: Vec<_> = rollup
        .children
        .iter()
        .map(|child| {
            let figures = child.figures.as_ref().expect("a child has figures");
            (
                short(&child.node),
                child.level.as_str(),
                figures.open,
                figures.held_here,
            )
        })
        .collect();
    assert_eq!(children, [("rail-a", "SOS", 2, 0), ("rail-b", "SOS", 2, 1)]);
    for child in rollup.children {
        assert_eq!(child.figures, Some(org.figures(short(&child.node)).await));
    }
    let above = org.figures("mobility").await;
    assert_eq!((above.open, above.held_here, above.escalated_in), (5, 1, 1));
    let node = org.node("nowhere");
    let nowhere = org
        .call(v1::GetRollupRequest {
            node,
            min_revision: 0,
        })
        .await;
    refused(nowhere, Code::NotFound, ErrorReason::NotFound);
}

async fn what_changes_with_the_clock_is_as_of_the_answers_time(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_with(v1::Blocker {
        origin: org.node("team-1"),
        title: "due in three days".to_owned(),
        due_time: later(&server, 3 * DAY),
        ..Default::default()
    })
    .await;
    let blocker = org.raise("team-1", "promised").await;
    org.ok(v1::OwnBlockerRequest {
        name: blocker.name,
        owner: "tech-lead@example.com".to_owned(),
        commit_time: later(&server, 6 * DAY),
        ..Default::default()
    })
    .await;
    let before = org.revision().await;
    let mut told = Vec::new();
    for days in [0, 1, 2, 2, 1, 2] {
        server.advance(DAY * days);
        let rollup = org.rollup("acme").await;
        if days > 0 {
            assert_eq!(rollup.as_of_time, later(&server, Duration::ZERO));
        }
        let figures = rollup.figures.expect("a roll-up has figures");
        told.push((figures.overdue, figures.due_soon, figures.aged));
    }
    let expected = [
        (0, 0, 0),
        (0, 1, 0),
        (1, 0, 0),
        (1, 1, 0),
        (2, 0, 0),
        (2, 0, 2),
    ];
    assert_eq!(told, expected);
    assert_eq!(org.revision().await, before);
}

async fn the_trend_is_since_the_last_midnight(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let trend = async |node: &str| org.figures(node).await.open_since_yesterday;
    org.raise_many("team-1", 3).await;
    assert_eq!(trend("rail").await, 3);
    // The clock stands at 8 in the morning at first.
    server.advance(17 * HOUR);
    assert_eq!(trend("rail").await, 0);
    org.resolve(&org.blocker(1)).await;
    org.resolve(&org.blocker(2)).await;
    org.raise("team-4", "new today").await;
    assert_eq!(
        (
            trend("rail").await,
            trend("rail-a").await,
            trend("road").await
        ),
        (-1, -2, 0)
    );
    server.advance(DAY);
    assert_eq!(trend("rail").await, 0);
}

async fn attention_is_ranked_and_comes_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let describe = |origin: &str, title: &str| v1::Blocker {
        origin: org.node(origin),
        title: title.to_owned(),
        ..Default::default()
    };
    let exhausted = org.raise("acme", "no budget").await;
    org.meet("acme").await;
    let critical = org.raise_as("acme", Severity::Critical).await;
    let missed = org.raise("team-1", "promised").await;
    org.ok(v1::OwnBlockerRequest {
        name: missed.name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        commit_time: later(&server, HOUR),
        ..Default::default()
    })
    .await;
    let overdue = org
        .raise_with(v1::Blocker {
            due_time: later(&server, 2 * HOUR),
            ..describe("team-2", "due")
        })
        .await;
    let escalated = org.raise("team-3", "came up").await;
    escalate(&org, &escalated.name, "rail-a").await;
    let soon = org
        .raise_with(v1::Blocker {
            due_time: later(&server, DAY),
            ..describe("team-4", "due soon")
        })
        .await;
    let solved = org.raise("team-5", "solved").await;
    org.resolve(&solved.name).await;
    org.raise("team-6", "nothing the matter").await;
    server.advance(3 * HOUR);

    let mut request = v1::ListAttentionRequest {
        node: org.node("acme"),
        include_subtree: true,
        page_size: 3,
        ..Default::default()
    };
    let mut items = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        items.extend(page.items);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let told: Vec<_> = items
        .iter()
        .map(|item| {
            let blocker = item.blocker.as_ref().expect("an item has its blocker");
            (item.reason(), blocker.name.as_str())
        })
        .collect();
    use AttentionReason as Reason;
    let critical_state = org.get(&critical.name).await.escalation_state();
    assert_eq!(critical_state, v1::EscalationState::Exhausted);
    assert_eq!(
        told,
        [
            (Reason::Exhausted, critical.name.as_str()),
            (Reason::Exhausted, exhausted.name.as_str()),
            (Reason::CommitmentMissed, missed.name.as_str()),
            (Reason::Overdue, overdue.name.as_str()),
            (Reason::Escalated, escalated.name.as_str()),
            (Reason::DueSoon, soon.name.as_str()),
            (Reason::AwaitingVerification, solved.name.as_str()),
        ]
    );
    assert!(items.iter().all(|item| !item.note.is_empty()));
    assert_eq!(org.rollup("acme").await.attention, items);
    // Without the subtree: what the node itself holds, or raised and has to verify.
    let own = |node: &str| v1::ListAttentionRequest {
        node: org.node(node),
        ..Default::default()
    };
    assert_eq!(org.ok(own("acme")).await.items.len(), 2);
    assert_eq!(org.ok(own("rail-a")).await.items.len(), 1);
    assert_eq!(org.ok(own("team-5")).await.items.len(), 1);
    assert_eq!(org.ok(own("rail")).await.items.len(), 0);
}

async fn a_rollup_of_at_least_a_revision_waits_for_it(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let wanted = org.revision().await + 2;
    let request = v1::GetRollupRequest {
        node: org.node("acme"),
        min_revision: wanted,
    };
    let waiting = {
        let (org, request) = (org.clone(), request.clone());
        tokio::spawn(async move { org.ok(request).await })
    };
    org.raise("team-1", "the first").await;
    org.raise("team-1", "the second").await;
    let rollup = soon(waiting).await.expect("it does not panic").rollup;
    let rollup = rollup.expect("a roll-up is there");
    assert!(rollup.revision >= wanted);
    assert_eq!(rollup.figures.expect("it has figures").open, 2);
    // What does not come is not waited for beyond the deadline.
    let mut never = tonic::Request::new(v1::GetRollupRequest {
        min_revision: wanted + 1,
        ..request
    });
    never.set_timeout(Duration::from_millis(300));
    let mut rollups = RollupServiceClient::new(org.channel());
    let status = soon(rollups.get_rollup(never))
        .await
        .expect_err("it does not come");
    assert!(
        matches!(
            status.code(),
            Code::DeadlineExceeded | Code::Cancelled | Code::Unavailable
        ),
        "{status:?}"
    );
}

async fn watch(org: &Org, node: &str) -> Streaming<WatchRollupResponse> {
    let mut rollups = RollupServiceClient::new(org.channel());
    let request = v1::WatchRollupRequest {
        node: org.node(node),
        min_revision: 0,
    };
    let answer = soon(rollups.watch_rollup(request)).await;
    answer.expect("the watch is accepted").into_inner()
}

async fn next(watch: &mut Streaming<WatchRollupResponse>) -> v1::Rollup {
    let message = soon(watch.next()).await.expect("the watch goes on");
    let message = message.expect("the watch goes on");
    message.rollup.expect("a message has a roll-up")
}

async fn a_watched_rollup_is_sent_when_and_only_when_a_figure_changes(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    // Something that needs attention, so that the list in the answer is not empty.
    let pressing = org.raise("team-1", "two teams wait").await;
    escalate(&org, &pressing.name, "rail-a").await;
    let mut watch = watch(&org, "rail").await;
    let first = next(&mut watch).await;
    assert_eq!(first, org.rollup("rail").await);
    assert_eq!(first.attention.len(), 1);
    // No figure changes by these.
    org.ok(v1::CommentOnBlockerRequest {
        name: pressing.name,
        text: "we look at it".to_owned(),
        ..Default::default()
    })
    .await;
    org.raise("team-7", "elsewhere").await;
    org.open("rail").await;
    let quiet = org.revision().await;
    server.advance(MINUTE);
    // The server looks at most every 100 ms; had it something to say about these, it would come first.
    let silence = tokio::time::timeout(Duration::from_millis(1500), watch.next()).await;
    assert!(
        silence.is_err(),
        "sent though no figure changed: {silence:?}"
    );
    org.raise("team-2", "no test data").await;
    let second = next(&mut watch).await;
    assert!(second.revision > quiet);
    let open = |rollup: &v1::Rollup| rollup.figures.as_ref().map(|figures| figures.open);
    assert_eq!((open(&first), open(&second)), (Some(1), Some(2)));
    // What comes quickly may come as one answer, and the last one is the newest.
    for number in 0..5 {
        org.raise("team-3", &format!("number {number}")).await;
    }
    let mut newest = second;
    while open(&newest) != Some(7) {
        let rollup = next(&mut watch).await;
        assert!(rollup.revision > newest.revision && open(&rollup) > open(&newest));
        newest = rollup;
    }
    // A move of what is counted changes who holds it.
    let moved = org.raise("team-5", "moves").await;
    next(&mut watch).await;
    escalate(&org, &moved.name, "rail").await;
    let figures = next(&mut watch).await.figures.expect("it has figures");
    assert_eq!(figures.held_here, 1);
}

async fn a_watched_rollup_follows_the_clock(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_with(v1::Blocker {
        origin: org.node("team-1"),
        title: "due".to_owned(),
        due_time: later(&server, HOUR),
        ..Default::default()
    })
    .await;
    let mut watch = watch(&org, "acme").await;
    let overdue = |rollup: v1::Rollup| rollup.figures.map(|figures| figures.overdue);
    assert_eq!(overdue(next(&mut watch).await), Some(0));
    server.advance(2 * HOUR);
    assert_eq!(overdue(next(&mut watch).await), Some(1));
}

async fn a_watched_rollup_ends_with_a_shutdown(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut watch = watch(&org, "acme").await;
    next(&mut watch).await;
    let (end, ()) = tokio::join!(soon(watch.message()), server.stop());
    let status = end.expect_err("the watch ends");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "UNAVAILABLE")
    );
}
