//! Group commit and set-based writing: the number of statements depends on neither callers nor rows.

use echelon_api::v1::{self, ErrorReason};
use echelon_domain::OrganizationId;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{DAY, HOUR, Org, assert_sound, log::assert_whole, refusal::refused, soon};

on_both!(
    concurrent_calls_share_transactions_and_one_that_fails_fails_alone,
    closing_a_meeting_takes_as_few_statements_for_200_blockers_as_for_20,
    passing_timers_takes_as_few_statements_for_300_blockers_as_for_50,
    applying_a_tree_takes_as_few_statements_for_500_nodes_as_for_15,
);

fn raise(org: &Org, origin: &str, title: &str) -> v1::RaiseBlockerRequest {
    v1::RaiseBlockerRequest {
        parent: org.name(),
        blocker: Some(v1::Blocker {
            origin: org.node(origin),
            title: title.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn concurrent_calls_share_transactions_and_one_that_fails_fails_alone(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let started = server.statements();
    org.raise("team-1", "alone").await;
    let alone = server.statements() - started;

    // The head is locked elsewhere, so that what comes meanwhile has to wait.
    let id = OrganizationId::new("name", "acme").expect("it is an id");
    let lock = server
        .app()
        .store()
        .begin(&id)
        .await
        .expect("the head is free");
    let started = server.statements();
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let org = org.clone();
            let origin = if number == 30 { "nowhere" } else { "team-1" };
            let request = raise(&org, origin, &format!("number {number}"));
            tokio::spawn(async move { org.call(request).await })
        })
        .collect();
    // Reads do not wait, and are behind the calls on the same connection.
    for _ in 0..4 {
        org.figures("acme").await;
    }
    drop(lock);
    let mut raised = Vec::new();
    for (number, call) in calls.into_iter().enumerate() {
        let answer = soon(call).await.expect("no task panics");
        if number == 30 {
            refused(answer, Code::NotFound, ErrorReason::NotFound);
        } else {
            raised.push(answer.expect("the others succeed").revision);
        }
    }
    let together = server.statements() - started;
    assert!(
        together <= 8 * alone,
        "{together} statements for 64 calls, {alone} for one"
    );
    // Each has a revision of its own, without a gap for the one that failed.
    raised.sort_unstable();
    let first = raised[0];
    assert!(raised.iter().copied().eq(first..first + 63), "{raised:?}");
    assert_eq!(org.figures("team-1").await.open, 64);
    assert_whole(&org.events().await, 0);
    assert_sound(&server).await;
}

async fn closing_a_meeting_takes_as_few_statements_for_200_blockers_as_for_20(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut counts = Vec::new();
    for blockers in [20, 200] {
        org.raise_many("team-1", blockers).await;
        let meeting = org.open("team-1").await;
        let started = server.statements();
        let closed = org.close(&meeting.name).await;
        counts.push(server.statements() - started);
        assert_eq!(closed.fates.len(), blockers);
    }
    assert!(counts[0] <= 10, "{counts:?}");
    assert!(counts[0].abs_diff(counts[1]) <= 1, "{counts:?}");
    assert_eq!(org.figures("rail-a").await.held_here, 220);
    assert_sound(&server).await;
}

async fn passing_timers_takes_as_few_statements_for_300_blockers_as_for_50(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut counts = Vec::new();
    // The second time the first ones are due again, a level higher.
    for (team, blockers, due) in [("team-1", 50, 50), ("team-4", 250, 300)] {
        org.raise_many(team, blockers).await;
        server.advance(DAY + HOUR);
        let started = server.statements();
        assert_eq!(server.pass_timers().await, due);
        counts.push(server.statements() - started);
    }
    assert!(counts[0].abs_diff(counts[1]) <= 1, "{counts:?}");
    assert!(counts[0] <= 16, "{counts:?}");
    assert_eq!(org.figures("rail-b").await.held_here, 250);
    assert_sound(&server).await;
}

async fn applying_a_tree_takes_as_few_statements_for_500_nodes_as_for_15(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let small = Org::named(&server, "acme");
    let started = server.statements();
    small.apply_sample().await;
    let few = server.statements() - started;
    let large = Org::named(&server, "large");
    let mut nodes = vec![crate::support::sample::declaration("large", "", "TRAIN")];
    for number in 0..500 {
        let id = format!("team-{number}");
        nodes.push(crate::support::sample::declaration(&id, "large", "TEAM"));
    }
    let started = server.statements();
    large
        .ok(v1::ApplyOrganizationRequest {
            name: large.name(),
            nodes,
            ..Default::default()
        })
        .await;
    let many = server.statements() - started;
    assert!(few.abs_diff(many) <= 1, "{few} and {many}");
}
