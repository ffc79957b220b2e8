//! The default policy end to end, with the clock advanced: on time, late, and after downtime.

use std::time::Duration;

use echelon_api::v1::{self, BlockerState, ClockBase, EscalationState, LateMode, Severity};
use echelon_domain::Timestamp;
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{
    DAY, HOUR, MINUTE, Org, advance_to, assert_sound,
    log::{assert_whole, cause, escalations, time},
    rules::{after, create, rule},
    sample::{NODES, TEAMS},
    short,
};

on_both!(
    e4_the_default_policy_carries_what_nobody_solves_to_the_top,
    e4_what_is_critical_moves_at_once_level_by_level,
    e4_a_timer_that_fires_late_records_how_late,
    e4_after_downtime_what_is_overdue_is_caught_up_in_due_order,
    e4_after_downtime_a_blocker_moves_one_level_in_a_pass,
    e4_a_late_rule_fires_skips_or_starts_anew,
    e4_time_never_runs_backward_though_the_clock_does,
    e2_no_blocker_is_too_old_to_be_seen,
    e2_what_is_raised_is_open_or_closed_at_every_node,
    e5_nothing_moves_what_is_acknowledged_held_or_solved,
);

/// Where a blocker is, and what it waits for.
async fn place(org: &Org, blocker: &v1::Blocker) -> (String, EscalationState) {
    let now = org.get(&blocker.name).await;
    (short(&now.holder).to_owned(), now.escalation_state())
}

/// When it will move, if nobody does anything.
async fn moves_at(org: &Org, blocker: &v1::Blocker) -> Timestamp {
    let next = org.explain(&blocker.name).await.next;
    time(next.and_then(|next| next.time).as_ref())
}

/// When its next timer is due.
fn due(blocker: &v1::Blocker) -> Timestamp {
    time(blocker.escalation_time.as_ref())
}

fn lateness(moved: &v1::Move) -> Duration {
    let lateness = moved.lateness.expect("a move tells its lateness");
    lateness.try_into().expect("lateness is positive")
}

async fn e4_the_default_policy_carries_what_nobody_solves_to_the_top(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    // A microsecond early nothing happens, and on time all that is due does.
    advance_to(&server, due(&blocker).minus(Duration::from_micros(1)));
    assert_eq!(server.pass_timers().await, 0);
    advance_to(&server, due(&blocker));
    assert_eq!(server.pass_timers().await, 1);
    assert_eq!(
        place(&org, &blocker).await,
        ("rail-a".to_owned(), EscalationState::Armed)
    );
    let at_sos = moves_at(&org, &blocker).await;
    assert_eq!(at_sos, due(&blocker).plus(2 * DAY));
    // One meeting is not enough for a Scrum of Scrums; two days are.
    assert_eq!(org.meet("rail-a").await.fates.len(), 1);
    advance_to(&server, at_sos);
    server.pass_timers().await;
    assert_eq!(place(&org, &blocker).await.0, "rail");
    // Above, no time moves it, only a meeting.
    server.advance(10 * DAY);
    server.pass_timers().await;
    let waits = EscalationState::WaitingForMeeting;
    assert_eq!(place(&org, &blocker).await, ("rail".to_owned(), waits));
    for (meets, then) in [("rail", "mobility"), ("mobility", "acme")] {
        org.meet(meets).await;
        assert_eq!(place(&org, &blocker).await.0, then);
    }
    org.meet("acme").await;
    let top = ("acme".to_owned(), EscalationState::Exhausted);
    assert_eq!(place(&org, &blocker).await, top);

    let moves = org.explain(&blocker.name).await.moves;
    let told: Vec<_> = moves
        .iter()
        .map(|step| {
            (
                step.rule.as_str(),
                short(&step.from),
                short(&step.to),
                lateness(step),
            )
        })
        .collect();
    let on_time = Duration::ZERO;
    assert_eq!(
        told,
        [
            ("team-day", "team-1", "rail-a", on_time),
            ("sos-days", "rail-a", "rail", on_time),
            ("above-meeting", "rail", "mobility", on_time),
            ("above-meeting", "mobility", "acme", on_time),
        ]
    );
    assert_eq!(org.get(&blocker.name).await.escalation_count, 4);
    let figures = org.figures("acme").await;
    assert_eq!((figures.escalated_in, figures.exhausted), (1, 1));
    assert_eq!(org.figures("team-1").await.escalated_out, 1);
    assert_sound(&server).await;
}

async fn e4_what_is_critical_moves_at_once_level_by_level(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise_as("team-1", Severity::Critical).await;
    assert_eq!(short(&blocker.holder), "rail-a");
    // Three more levels, and at the top there is none: an alarm.
    assert_eq!(server.pass_timers().await, 4);
    let top = org.get(&blocker.name).await;
    assert_eq!((short(&top.holder), top.escalation_count), ("acme", 4));
    assert_eq!(top.escalation_state(), EscalationState::Exhausted);
    let moves = escalations(&org.events().await);
    let steps: Vec<_> = moves.iter().map(|(_, step)| short(&step.to)).collect();
    assert_eq!(steps, ["rail-a", "rail", "mobility", "acme"]);
    assert!(moves.iter().all(|(_, step)| step.rule == "critical"));
    // Each level is a revision of its own, so that each has had its say, and each move a cause of its own.
    let mut revisions: Vec<_> = moves.iter().map(|(_, step)| step.revision).collect();
    revisions.dedup();
    assert_eq!(revisions.len(), 4);
    let mut causes: Vec<_> = moves.iter().map(|(_, step)| cause(step)).collect();
    causes.sort();
    causes.dedup();
    assert_eq!(causes.len(), 4);

    // What becomes critical by an edit moves at once, too.
    let mild = org.raise("team-2", "not so bad").await;
    let worse = v1::UpdateBlockerRequest {
        blocker: Some(v1::Blocker {
            name: mild.name.clone(),
            severity: Severity::Critical.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let worse = org.ok(worse).await.blocker.expect("an edit answers");
    assert_eq!(short(&worse.holder), "rail-a");
    assert_sound(&server).await;
}

async fn e4_a_timer_that_fires_late_records_how_late(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    advance_to(&server, due(&blocker).plus(30 * MINUTE));
    server.pass_timers().await;
    let events = org.events().await;
    let (name, moved) = &escalations(&events)[0];
    assert_eq!(*name, blocker.name);
    assert_eq!(lateness(moved), 30 * MINUTE);
    assert_eq!(cause(moved), format!("timer:{}", due(&blocker).as_micros()));
    assert_eq!(time(moved.time.as_ref()), due(&blocker).plus(30 * MINUTE));
    // The clocks of the next level run from the arrival, not from when it should have been.
    let next = moves_at(&org, &blocker).await;
    assert_eq!(next, due(&blocker).plus(30 * MINUTE).plus(2 * DAY));
}

async fn e4_after_downtime_what_is_overdue_is_caught_up_in_due_order(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    // Not in the order of their numbers: some are acknowledged for a while.
    let mut expected = Vec::new();
    for (index, team) in TEAMS.iter().cycle().take(24).enumerate() {
        let blocker = org.raise(team, &format!("number {index}")).await;
        let blocker = if index % 3 == 0 {
            let seen = v1::AcknowledgeBlockerRequest {
                name: blocker.name,
                expire_time: crate::support::later(&server, 30 * HOUR - MINUTE * (index as u32)),
                ..Default::default()
            };
            org.ok(seen).await.blocker.expect("it answers")
        } else {
            blocker
        };
        expected.push((due(&blocker), blocker.name));
        server.advance(7 * MINUTE);
    }
    expected.sort();
    let clock = server.clock().clone();
    server.stop().await;
    clock.advance(3 * DAY);
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    let before = org.revision().await;
    server.pass_timers().await;
    let events = org.events_after(before).await;
    let moved: Vec<_> = escalations(&events)
        .iter()
        .map(|(name, step)| (time(step.time.as_ref()).minus(lateness(step)), name.clone()))
        .collect();
    assert_eq!(moved, expected);
    // All in one pass, which is one commit.
    assert_whole(&events, before);
    assert_eq!(org.revision().await, before + 1);
    for (_, name) in expected {
        assert_eq!(org.get(&name).await.escalation_count, 1);
    }
    assert_sound(&server).await;
}

async fn e4_after_downtime_a_blocker_moves_one_level_in_a_pass(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let since_raised = rule("hours", "", after(HOUR, ClockBase::Raised));
    org.ok(create(&org, "impatient", "mobility", vec![since_raised]))
        .await;
    let blocker = org.raise("team-1", "no test data").await;
    let clock = server.clock().clone();
    server.kill().await;
    clock.advance(3 * DAY);
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    server.pass_timers().await;
    let moves = escalations(&org.events().await);
    let told: Vec<_> = moves.iter().map(|(_, step)| short(&step.to)).collect();
    assert_eq!(told, ["rail-a", "rail", "mobility", "acme"]);
    // The first was overdue by days; what became due only by arriving is not late.
    let late: Vec<_> = moves.iter().map(|(_, step)| lateness(step)).collect();
    assert_eq!(late[0], 3 * DAY - HOUR - Duration::from_micros(2));
    assert!(
        late[1..].iter().all(|late| *late < Duration::from_secs(1)),
        "{late:?}"
    );
    let revisions: Vec<_> = moves.iter().map(|(_, step)| step.revision).collect();
    assert!(
        revisions.windows(2).all(|pair| pair[0] < pair[1]),
        "{revisions:?}"
    );
    assert_eq!(short(&org.get(&blocker.name).await.holder), "acme");
    assert_sound(&server).await;
}

async fn e4_a_late_rule_fires_skips_or_starts_anew(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut blockers = Vec::new();
    for (team, late) in [
        ("team-1", LateMode::Fire),
        ("team-2", LateMode::Skip),
        ("team-3", LateMode::Restart),
    ] {
        let mut hours = rule("hours", "", after(HOUR, ClockBase::Progress));
        hours.late = late.into();
        let stays = rule("meetings", "", crate::support::rules::meeting_closed());
        org.ok(create(
            &org,
            &format!("for-{team}"),
            team,
            vec![hours, stays],
        ))
        .await;
        blockers.push(org.raise(team, "no test data").await);
    }
    // Within a minute nobody is late.
    server.advance(2 * HOUR);
    let now = server.app().now();
    server.pass_timers().await;
    let mut places = Vec::new();
    for blocker in &blockers {
        places.push(place(&org, blocker).await);
    }
    let expected = [
        ("rail-a", EscalationState::Armed),
        ("team-2", EscalationState::WaitingForMeeting),
        ("team-3", EscalationState::Armed),
    ];
    assert_eq!(
        places,
        expected.map(|(holder, state)| (holder.to_owned(), state))
    );
    let anew = org.get(&blockers[2].name).await;
    assert_eq!(due(&anew), now.plus(HOUR));
    server.advance(HOUR);
    server.pass_timers().await;
    assert_eq!(place(&org, &blockers[2]).await.0, "rail-a");
    // Real progress restarts the clock of what was skipped.
    org.ok(v1::OwnBlockerRequest {
        name: blockers[1].name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        ..Default::default()
    })
    .await;
    server.advance(HOUR + Duration::from_secs(1));
    server.pass_timers().await;
    assert_eq!(place(&org, &blockers[1]).await.0, "rail-a");
    assert_sound(&server).await;
}

async fn e4_time_never_runs_backward_though_the_clock_does(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    server.advance(HOUR);
    let first = org.raise("team-1", "before the jump").await;
    server.clock().set(echelon_testkit::START);
    let second = org.raise("team-1", "after the jump").await;
    assert!(time(second.raise_time.as_ref()) > time(first.raise_time.as_ref()));
    server.pass_timers().await;
    assert_whole(&org.events().await, 0);
    // Also after a restart: the floor is the database's.
    let clock = server.clock().clone();
    server.stop().await;
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    org.raise("team-1", "after the restart").await;
    assert_whole(&org.events().await, 0);
}

async fn e2_no_blocker_is_too_old_to_be_seen(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raised: Vec<_> = [
        org.raise("team-1", "forgotten at the train").await,
        org.raise("acme", "forgotten at the top").await,
        org.raise("road", "forgotten where it was raised").await,
    ]
    .into();
    for _ in 0..40 {
        server.advance(50 * DAY);
        server.pass_timers().await;
    }
    let figures = org.figures("acme").await;
    assert_eq!((figures.open, figures.aged), (3, 3));
    assert_eq!(figures.oldest_raise_time, raised[0].raise_time);
    for blocker in &raised {
        let (_, state) = place(&org, blocker).await;
        assert_eq!(state, EscalationState::WaitingForMeeting);
    }
    let attention = v1::ListAttentionRequest {
        node: org.node("acme"),
        include_subtree: true,
        ..Default::default()
    };
    assert_eq!(org.ok(attention).await.items.len(), 3);
    assert_sound(&server).await;
}

async fn e2_what_is_raised_is_open_or_closed_at_every_node(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for (index, (node, ..)) in NODES.iter().enumerate() {
        for number in 0..3 {
            let blocker = org.raise(node, &format!("number {number}")).await;
            match (index + number) % 4 {
                0 => drop(org.resolve(&blocker.name).await),
                1 => {
                    let name = blocker.name;
                    org.ok(v1::WithdrawBlockerRequest {
                        name,
                        ..Default::default()
                    })
                    .await;
                }
                _ => {}
            }
        }
    }
    for _ in 0..4 {
        server.advance(DAY);
        server.pass_timers().await;
        for (node, ..) in NODES.iter().rev() {
            org.meet(node).await;
        }
        let mut children = 0;
        for (node, ..) in NODES {
            let rollup = org.rollup(node).await;
            let figures = rollup.figures.expect("a roll-up has figures");
            assert_eq!(
                figures.raised_total,
                figures.open + figures.closed_total,
                "at {node}"
            );
            let held = figures.held_here + figures.held_below + figures.held_above;
            assert_eq!(held, figures.open, "at {node}");
            // A node's own three, and all of its children.
            let below: i64 = rollup
                .children
                .iter()
                .filter_map(|child| child.figures.as_ref())
                .map(|figures| figures.raised_total)
                .sum();
            assert_eq!(figures.raised_total, below + 3, "at {node}");
            children += rollup.children.len();
        }
        assert_eq!(children, NODES.len() - 1);
        assert_sound(&server).await;
    }
}

async fn e5_nothing_moves_what_is_acknowledged_held_or_solved(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut blockers = Vec::new();
    for state in ["acknowledged", "held", "resolved", "withdrawn"] {
        let blocker = org.raise_with(v1::Blocker {
            origin: org.node("team-1"),
            title: state.to_owned(),
            ..Default::default()
        });
        blockers.push(blocker.await);
    }
    // All of them are due when somebody acts, a moment before the timers pass.
    server.advance(DAY + HOUR);
    org.ok(v1::AcknowledgeBlockerRequest {
        name: blockers[0].name.clone(),
        ..Default::default()
    })
    .await;
    org.ok(v1::HoldBlockerRequest {
        name: blockers[1].name.clone(),
        expire_time: crate::support::later(&server, 10 * DAY),
        approver: "rte@example.com".to_owned(),
        ..Default::default()
    })
    .await;
    org.resolve(&blockers[2].name).await;
    org.ok(v1::WithdrawBlockerRequest {
        name: blockers[3].name.clone(),
        ..Default::default()
    })
    .await;
    server.pass_timers().await;
    org.meet("team-1").await;
    server.advance(20 * HOUR);
    server.pass_timers().await;
    org.meet("team-1").await;
    assert_eq!(escalations(&org.events().await), []);
    let mut states = Vec::new();
    for blocker in &blockers {
        let now = org.get(&blocker.name).await;
        assert_eq!(short(&now.holder), "team-1");
        states.push(now.state());
    }
    use BlockerState::{Acknowledged, OnHold, Resolved, Withdrawn};
    assert_eq!(states, [Acknowledged, OnHold, Resolved, Withdrawn]);
    // Each pause has an end, and then the rules have their say again.
    server.advance(12 * DAY);
    server.pass_timers().await;
    let moved: Vec<_> = escalations(&org.events().await)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        moved,
        [blockers[0].name.as_str(), blockers[1].name.as_str()]
    );
    assert_sound(&server).await;
}
