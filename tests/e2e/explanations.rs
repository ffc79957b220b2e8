//! Explanations: why a blocker is where it is, and what moves it next and when.

use echelon_api::v1::{self, Severity, rule_verdict::Outcome};
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{
    DAY, HOUR, Org, advance_to, assert_sound, later,
    log::{escalations, time},
    sample::NODES,
    short,
};

on_both!(
    e6_every_move_says_which_rule_matched_which_facts,
    e6_what_is_foretold_is_what_happens,
    e6_every_rule_has_a_verdict_and_a_reason,
    e6_a_closed_blocker_has_a_past_and_no_next_step,
);

async fn e6_every_move_says_which_rule_matched_which_facts(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let version = format!("{}/versions/1", org.policy("default"));
    org.raise_as("team-1", Severity::Critical).await;
    org.raise("team-2", "no test data").await;
    org.meet("team-2").await;
    org.raise("team-3", "no licence").await;
    server.advance(DAY + HOUR);
    server.pass_timers().await;
    let by_hand = org.raise("team-4", "by hand").await;
    org.ok(v1::EscalateBlockerRequest {
        name: by_hand.name.clone(),
        reason: "two teams".to_owned(),
        request_id: "by-hand-1".to_owned(),
        ..Default::default()
    })
    .await;
    let moves = escalations(&org.events().await);
    assert!(moves.len() > 5, "{moves:?}");
    let mut rules = Vec::new();
    for (name, step) in &moves {
        let explained = org.explain(name).await;
        assert!(explained.moves.contains(step));
        if *name == by_hand.name {
            assert_eq!(
                (step.rule.as_str(), step.reason.as_str()),
                ("", "two teams")
            );
            assert_eq!(crate::support::log::cause(step), "request:by-hand-1");
            continue;
        }
        assert_eq!(step.policy_version, version);
        rules.push(step.rule.as_str());
        // Exactly the facts that the condition reads.
        let facts: Vec<&str> = step.matched_facts.keys().map(String::as_str).collect();
        match step.rule.as_str() {
            "critical" => assert_eq!(facts, ["on_track", "severity"]),
            "team-meeting" => assert_eq!(facts, ["height", "meetings_survived", "on_track"]),
            "team-day" => assert_eq!(facts, ["height", "on_track"]),
            other => panic!("rule {other} has no business here"),
        }
        assert_eq!(step.matched_facts["on_track"], "false");
    }
    for rule in ["critical", "team-meeting", "team-day"] {
        assert!(rules.contains(&rule), "{rule} moved nothing");
    }
}

/// Raises what waits for timers, meetings, the ends of pauses and commitments, at all levels.
async fn populate(server: &TestServer, org: &Org) -> Vec<String> {
    let mut names = Vec::new();
    for node in ["team-1", "rail-a", "rail", "mobility", "acme"] {
        for kind in 0..5 {
            let blocker = org.raise(node, &format!("kind {kind} at {node}")).await;
            let name = blocker.name;
            names.push(name.clone());
            match kind {
                0 => {
                    let request = v1::AcknowledgeBlockerRequest {
                        name,
                        expire_time: later(server, 30 * HOUR),
                        ..Default::default()
                    };
                    org.ok(request).await;
                }
                1 => {
                    let request = v1::OwnBlockerRequest {
                        name,
                        owner: "tech-lead@example.com".to_owned(),
                        commit_time: later(server, 5 * HOUR),
                        ..Default::default()
                    };
                    org.ok(request).await;
                }
                2 => {
                    let request = v1::HoldBlockerRequest {
                        name,
                        expire_time: later(server, 3 * DAY),
                        approver: "rte@example.com".to_owned(),
                        ..Default::default()
                    };
                    org.ok(request).await;
                }
                3 => {
                    let request = v1::OwnBlockerRequest {
                        name,
                        owner: "architect@example.com".to_owned(),
                        ..Default::default()
                    };
                    org.ok(request).await;
                }
                _ => {}
            }
        }
    }
    names
}

async fn e6_what_is_foretold_is_what_happens(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let names = populate(&server, &org).await;
    let mut kept = 0;
    for _ in 0..40 {
        // The first thing that will happen by time to any of them.
        let mut foretold = Vec::new();
        for name in &names {
            let next = org.explain(name).await.next.expect("it is open");
            assert!(!next.description.is_empty());
            if let Some(at) = next.time {
                foretold.push((time(Some(&at)), name.clone(), next));
            }
        }
        let Some(first) = foretold.iter().map(|(at, ..)| *at).min() else {
            break;
        };
        advance_to(&server, first);
        let before = org.revision().await;
        server.pass_timers().await;
        let moves = escalations(&org.events_after(before).await);
        for (at, name, next) in foretold.into_iter().filter(|(at, ..)| *at == first) {
            if next.target.is_empty() {
                let now = org.get(&name).await;
                assert_eq!(now.escalation_state(), v1::EscalationState::Exhausted);
            } else {
                let (_, moved) = moves
                    .iter()
                    .find(|(moved, _)| *moved == name)
                    .unwrap_or_else(|| panic!("{name} stays, though {next:?}"));
                assert_eq!((&moved.rule, &moved.to), (&next.rule, &next.target));
                assert_eq!(time(moved.time.as_ref()), at);
            }
            kept += 1;
        }
    }
    assert!(kept > 15, "only {kept} things were foretold");
    // And what the close of a meeting will do.
    let mut kept = 0;
    for (node, ..) in NODES {
        let mut foretold = Vec::new();
        for name in &names {
            let explained = org.explain(name).await;
            let next = explained.next.expect("it is open");
            let holder = explained.blocker.expect("it is told").holder;
            if holder == org.node(node) {
                foretold.push((name.clone(), next));
            }
        }
        let closed = org.meet(node).await;
        for (name, next) in foretold {
            let fate = closed.fates.iter().find(|fate| fate.blocker == name);
            let fate = fate.expect("what the node holds has a fate");
            if next.time.is_none() && !next.target.is_empty() {
                let moved = fate.r#move.as_ref().expect("it moves as foretold");
                assert_eq!((&moved.rule, &moved.to), (&next.rule, &next.target));
                kept += 1;
            } else {
                let stays = fate.r#move.is_none() || next.description.contains("before that");
                assert!(stays, "{name} moves, though {next:?}");
            }
        }
    }
    assert!(kept > 5, "only {kept} moves were foretold");
    assert_sound(&server).await;
}

async fn e6_every_rule_has_a_verdict_and_a_reason(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    let explained = org.explain(&blocker.name).await;
    let verdicts: Vec<_> = explained
        .rules
        .iter()
        .map(|rule| (rule.rule.as_str(), rule.outcome(), short(&rule.target)))
        .collect();
    use Outcome::{Holds, NotMet, Spent, Waiting};
    assert_eq!(
        verdicts,
        [
            ("critical", Spent, "rail-a"),
            ("became-critical", NotMet, "rail-a"),
            ("commitment-missed", NotMet, "rail-a"),
            ("team-meeting", Holds, "rail-a"),
            ("team-day", Waiting, "rail-a"),
            ("sos-meetings", NotMet, "rail-a"),
            ("sos-days", NotMet, "rail-a"),
            ("above-meeting", NotMet, "rail-a"),
        ]
    );
    assert!(explained.rules.iter().all(|rule| !rule.reason.is_empty()));
    assert_eq!(explained.rules[4].due_time, blocker.escalation_time);
    assert_eq!(explained.blocker, Some(blocker.clone()));
    assert_eq!(explained.facts["severity"], "\"MEDIUM\"");
    assert_eq!(explained.facts["level"], "\"TEAM\"");
    assert_eq!(explained.revision, org.revision().await);
    assert!(
        explained.summary.lines().count() >= 3,
        "{}",
        explained.summary
    );
    let next = explained.next.expect("something happens next");
    assert_eq!(next.time, blocker.escalation_time);
    assert_eq!(
        (next.rule.as_str(), next.target),
        ("team-day", org.node("rail-a"))
    );

    org.ok(v1::AcknowledgeBlockerRequest {
        name: blocker.name.clone(),
        ..Default::default()
    })
    .await;
    let paused = org.explain(&blocker.name).await;
    let suspended = |rule: &v1::RuleVerdict| rule.outcome() == Outcome::Suspended;
    assert!(paused.rules.iter().all(suspended));
    // At the top no rule has a target.
    org.ok(v1::EscalateBlockerRequest {
        name: blocker.name.clone(),
        to: org.node("acme"),
        reason: "needs money".to_owned(),
        ..Default::default()
    })
    .await;
    let top = org.explain(&blocker.name).await.rules;
    assert!(top.iter().all(|rule| rule.target.is_empty()));
    assert_eq!(top[7].outcome(), Outcome::NoTarget);
}

async fn e6_a_closed_blocker_has_a_past_and_no_next_step(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise_as("team-1", Severity::Critical).await;
    server.pass_timers().await;
    org.resolve(&blocker.name).await;
    org.ok(v1::VerifyBlockerRequest {
        name: blocker.name.clone(),
        ..Default::default()
    })
    .await;
    let explained = org.explain(&blocker.name).await;
    assert_eq!(explained.next, None);
    assert_eq!(explained.moves.len(), 4);
    let suspended = |rule: &v1::RuleVerdict| rule.outcome() == Outcome::Suspended;
    assert!(explained.rules.iter().all(suspended));
}
