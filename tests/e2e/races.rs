//! Races: whatever happens at once, every blocker has one holder and every cause moves it once.

use std::collections::BTreeMap;

use echelon_api::v1::{self, BlockerChange, blocker_fate::Kind};
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{
    DAY, HOUR, Org, assert_sound, later,
    log::{
        assert_each_cause_moves_once, assert_no_stale_moves, assert_whole, changes, escalations,
    },
    sample::TEAMS,
    together,
};

on_both!(
    e3_closing_a_meeting_from_many_calls_at_once_moves_each_blocker_once,
    e3_e5_resolving_races_with_a_close,
    e5_acting_races_with_timers,
    e1_e3_moving_nodes_races_with_escalations,
    e2_what_was_answered_survives_a_kill,
);

/// How often each blocker was escalated.
fn counted(events: &[v1::Event]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (name, _) in escalations(events) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

async fn e3_closing_a_meeting_from_many_calls_at_once_moves_each_blocker_once(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 20).await;
    let meeting = org.open("team-1").await;
    let closes = (0..8).map(|_| {
        let (org, name) = (org.clone(), meeting.name.clone());
        async move { org.close(&name).await }
    });
    let closed = together(closes).await;
    assert!(closed.iter().all(|answer| *answer == closed[0]));
    assert_eq!(closed[0].fates.len(), 20);
    assert!(
        closed[0]
            .fates
            .iter()
            .all(|fate| fate.kind() == Kind::Escalated)
    );
    let counts = counted(&org.events().await);
    assert_eq!(counts.len(), 20);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(org.figures("rail-a").await.held_here, 20);
    assert_sound(&server).await;
}

async fn e3_e5_resolving_races_with_a_close(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 24).await;
    let meeting = org.open("team-1").await;
    let resolves = (1..=24).map(|number| {
        let org = org.clone();
        async move { drop(org.resolve(&org.blocker(number)).await) }
    });
    let close = {
        let (org, name) = (org.clone(), meeting.name.clone());
        async move { org.close(&name).await }
    };
    let (_, closed) = tokio::join!(together(resolves), close);
    let events = org.events().await;
    assert_no_stale_moves(&events);
    assert_each_cause_moves_once(&events);
    let counts = counted(&events);
    for fate in &closed.fates {
        let moves = counts.get(&fate.blocker).copied().unwrap_or(0);
        match fate.kind() {
            Kind::Solved => assert_eq!(moves, 0, "{} moved after it was solved", fate.blocker),
            Kind::Escalated => assert_eq!(moves, 1),
            other => panic!("{} is {other:?}", fate.blocker),
        }
    }
    assert_eq!(closed.fates.len(), 24);
    let figures = org.figures("acme").await;
    assert_eq!((figures.open, figures.closed_total), (0, 24));
    assert_sound(&server).await;
}

/// Acknowledges, holds or resolves.
async fn act(org: &Org, server_time: Option<prost_types::Timestamp>, number: usize) {
    let name = org.blocker(number);
    match number % 3 {
        0 => drop(org.resolve(&name).await),
        1 => {
            let request = v1::HoldBlockerRequest {
                name,
                expire_time: server_time,
                approver: "rte@example.com".to_owned(),
                ..Default::default()
            };
            org.ok(request).await;
        }
        _ => {
            let request = v1::AcknowledgeBlockerRequest {
                name,
                ..Default::default()
            };
            org.ok(request).await;
        }
    }
}

async fn e5_acting_races_with_timers(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for round in 0..4 {
        let first = round * 15;
        org.raise_many("team-1", 15).await;
        server.advance(DAY + HOUR);
        let until = later(&server, 9 * DAY);
        let acts = (first + 1..=first + 15).map(|number| {
            let org = org.clone();
            async move { act(&org, until, number).await }
        });
        tokio::join!(together(acts), server.pass_timers());
    }
    let events = org.events().await;
    assert_no_stale_moves(&events);
    assert_each_cause_moves_once(&events);
    assert_whole(&events, 0);
    assert_sound(&server).await;
}

async fn e1_e3_moving_nodes_races_with_escalations(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for team in TEAMS {
        org.raise_many(team, 4).await;
    }
    for round in 0..3 {
        server.advance(DAY + HOUR);
        let moves = TEAMS.iter().enumerate().map(|(index, team)| {
            let to = ["rail-a", "rail-b", "road-a"][(index + round) % 3];
            let request = v1::MoveNodeRequest {
                name: org.node(team),
                new_parent: org.node(to),
                ..Default::default()
            };
            let org = org.clone();
            async move { drop(org.ok(request).await) }
        });
        let lifts = (1..=32).map(|number| {
            let request = v1::EscalateBlockerRequest {
                name: org.blocker(number),
                reason: "up".to_owned(),
                ..Default::default()
            };
            let org = org.clone();
            // At the root there is nowhere to go.
            async move { drop(org.call(request).await) }
        });
        tokio::join!(together(moves), together(lifts), server.pass_timers());
        assert_sound(&server).await;
    }
    let events = org.events().await;
    assert_whole(&events, 0);
    assert_each_cause_moves_once(&events);
    let reheld = changes(&events)
        .iter()
        .filter(|change| change.kind == BlockerChange::Reheld)
        .count();
    assert!(reheld > 0, "no move of a node concerned a blocker");
}

async fn e2_what_was_answered_survives_a_kill(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let (told, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let raises: Vec<_> = (0..200)
        .map(|number| {
            let (org, told) = (org.clone(), told.clone());
            tokio::spawn(async move {
                let request = v1::RaiseBlockerRequest {
                    parent: org.name(),
                    blocker: Some(v1::Blocker {
                        origin: org.node("team-1"),
                        title: format!("number {number}"),
                        ..Default::default()
                    }),
                    ..Default::default()
                };
                if let Ok(answer) = org.call(request).await {
                    let raised = answer.blocker.expect("a raise answers");
                    // The test may have seen enough.
                    drop(told.send(raised));
                }
            })
        })
        .collect();
    drop(told);
    let mut survivors = Vec::new();
    while survivors.len() < 20 {
        let raised = crate::support::soon(answered.recv()).await;
        survivors.push(raised.expect("raises are answered"));
    }
    let clock = server.clock().clone();
    server.kill().await;
    for raise in raises {
        crate::support::soon(raise).await.expect("no task panics");
    }
    while let Some(raised) = answered.recv().await {
        survivors.push(raised);
    }
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    for raised in &survivors {
        assert_eq!(org.get(&raised.name).await, *raised);
    }
    assert_whole(&org.events().await, 0);
    assert_sound(&server).await;
    // And work goes on.
    let open = org.figures("team-1").await.open;
    assert_eq!(
        org.meet("team-1").await.fates.len(),
        usize::try_from(open).expect("it is small")
    );
}
