//! After a long history of all methods, the log folds to the tables, and the roll-ups are what one counts by hand.

use std::collections::BTreeMap;

use echelon_api::v1::{self, Blocker, BlockerState, EscalationState, Severity, event::Payload};
use echelon_domain::Timestamp;
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{
    Org, assert_sound,
    history::History,
    log::{assert_each_cause_moves_once, assert_no_stale_moves, escalations, time},
    short,
};

on_both!(
    e9_e1_e2_a_long_history_folds_to_the_tables_and_the_roll_ups,
    e9_a_history_is_taken_up_where_a_server_left_it,
);

async fn e9_e1_e2_a_long_history_folds_to_the_tables_and_the_roll_ups(database: TestDatabase) {
    let servers = [TestServer::start(&database).await];
    let mut history = History::begin(&servers, 9).await;
    for _ in 0..4 {
        history.run(100).await;
        assert_sound(&servers[0]).await;
        recount(&servers[0], history.org()).await;
    }
    let (accepted, all) = (history.accepted(), history.outcomes.len());
    assert!(
        accepted > all / 2 && accepted < all,
        "{accepted} of {all} were accepted"
    );
    let methods: std::collections::BTreeSet<_> = history
        .outcomes
        .iter()
        .filter_map(|(method, outcome)| outcome.is_ok().then_some(method))
        .collect();
    // All but CreateOrganization.
    assert_eq!(methods.len(), 25, "{methods:?}");
    let events = history.org().events().await;
    assert_each_cause_moves_once(&events);
    assert_no_stale_moves(&events);
}

async fn e9_a_history_is_taken_up_where_a_server_left_it(database: TestDatabase) {
    let servers = [TestServer::start(&database).await];
    let mut history = History::begin(&servers, 10).await;
    history.run(120).await;
    let org = history.org().clone();
    let mut before = Vec::new();
    for node in nodes(&org).await {
        before.push(org.rollup(short(&node.name)).await);
    }
    let [server] = servers;
    let clock = server.clock().clone();
    server.kill().await;
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    for rollup in before {
        assert_eq!(org.rollup(short(&rollup.node)).await, rollup);
    }
    assert_sound(&server).await;
}

async fn nodes(org: &Org) -> Vec<v1::Node> {
    let request = v1::ListNodesRequest {
        parent: org.name(),
        show_archived: true,
        page_size: 1000,
        ..Default::default()
    };
    org.ok(request).await.nodes
}

async fn blockers(org: &Org) -> Vec<Blocker> {
    let request = v1::ListBlockersRequest {
        parent: org.name(),
        states: (1..=8).collect(),
        page_size: 1000,
        ..Default::default()
    };
    org.ok(request).await.blockers
}

/// Counts every figure of every node from the blockers and the log, and compares.
async fn recount(server: &TestServer, org: &Org) {
    let nodes = nodes(org).await;
    let blockers = blockers(org).await;
    let events = org.events().await;
    let settings = {
        let name = org.name();
        let found = org
            .ok(v1::GetOrganizationRequest {
                name,
                ..Default::default()
            })
            .await;
        found
            .organization
            .and_then(|organization| organization.settings)
    };
    let settings = settings.expect("settings are told");
    let newest = events.last().map(|event| time(event.time.as_ref()));
    let now = server.app().now().max(newest.expect("there are events"));
    let tree = Tree::of(&nodes);
    for node in &nodes {
        let rollup = org.rollup(short(&node.name)).await;
        assert_eq!(rollup.revision, org.revision().await);
        let expected = figures(&tree, node, &blockers, &events, &settings, now);
        let told = rollup.figures.clone().expect("a roll-up has figures");
        // The trend and what left upward depend on the tree as it was then.
        let comparable = v1::RollupFigures {
            open_since_yesterday: 0,
            escalated_out: 0,
            ..told
        };
        assert_eq!(comparable, expected, "at {}", node.name);
        let children: Vec<&str> = rollup
            .children
            .iter()
            .map(|child| child.node.as_str())
            .collect();
        let mut active: Vec<&str> = nodes
            .iter()
            .filter(|child| child.parent == node.name && child.state() == v1::NodeState::Active)
            .map(|child| child.name.as_str())
            .collect();
        active.sort_unstable();
        assert_eq!(children, active);
        for child in rollup.children {
            assert_eq!(child.figures, org.rollup(short(&child.node)).await.figures);
        }
    }
}

/// Parents and levels by resource name.
struct Tree<'a> {
    parents: BTreeMap<&'a str, &'a str>,
    levels: BTreeMap<&'a str, &'a str>,
}

impl<'a> Tree<'a> {
    fn of(nodes: &'a [v1::Node]) -> Self {
        Self {
            parents: nodes
                .iter()
                .map(|n| (n.name.as_str(), n.parent.as_str()))
                .collect(),
            levels: nodes
                .iter()
                .map(|n| (n.name.as_str(), n.level.as_str()))
                .collect(),
        }
    }

    fn is_within(&self, node: &str, top: &str) -> bool {
        let parent = |step: &&str| self.parents.get(step).copied().filter(|p| !p.is_empty());
        std::iter::successors(Some(node), parent).any(|step| step == top)
    }
}

fn figures(
    tree: &Tree<'_>,
    node: &v1::Node,
    blockers: &[Blocker],
    events: &[v1::Event],
    settings: &v1::OrganizationSettings,
    now: Timestamp,
) -> v1::RollupFigures {
    let span = |span: Option<prost_types::Duration>| {
        std::time::Duration::try_from(span.expect("it is told")).expect("it is positive")
    };
    let mut figures = v1::RollupFigures::default();
    let (mut severities, mut states) = (v1::SeverityCounts::default(), v1::StateCounts::default());
    for blocker in blockers
        .iter()
        .filter(|b| tree.is_within(&b.origin, &node.name))
    {
        figures.raised_total += 1;
        match blocker.state() {
            BlockerState::Raised => states.raised += 1,
            BlockerState::Acknowledged => states.acknowledged += 1,
            BlockerState::Owned => states.owned += 1,
            BlockerState::OnHold => states.on_hold += 1,
            state => {
                figures.closed_total += 1;
                figures.awaiting_verification += i64::from(state == BlockerState::Resolved);
                continue;
            }
        }
        figures.open += 1;
        match blocker.severity() {
            Severity::Low => severities.low += 1,
            Severity::Medium => severities.medium += 1,
            Severity::High => severities.high += 1,
            Severity::Critical => severities.critical += 1,
            Severity::Unspecified => panic!("{} has no severity", blocker.name),
        }
        let level = tree.levels[blocker.holder.as_str()].to_owned();
        *figures.by_holder_level.entry(level).or_default() += 1;
        if blocker.holder == node.name {
            figures.held_here += 1;
        } else if tree.is_within(&blocker.holder, &node.name) {
            figures.held_below += 1;
        } else {
            figures.held_above += 1;
        }
        figures.unowned += i64::from(blocker.owner.is_empty());
        figures.exhausted += i64::from(blocker.escalation_state() == EscalationState::Exhausted);
        let dates = [&blocker.due_time, &blocker.commit_time];
        let deadline = dates.into_iter().flatten().map(|at| time(Some(at))).min();
        if let Some(at) = deadline {
            let soon = now.plus(span(settings.due_soon_within));
            figures.overdue += i64::from(at <= now);
            figures.due_soon += i64::from(at > now && at <= soon);
        }
        let raised_at = time(blocker.raise_time.as_ref());
        figures.aged += i64::from(now.since(raised_at) > span(settings.aged_after));
        let oldest = figures.oldest_raise_time.map(|at| time(Some(&at)));
        if oldest.is_none_or(|oldest| raised_at < oldest) {
            figures.oldest_raise_time = blocker.raise_time;
        }
    }
    figures.by_severity = Some(severities);
    figures.by_state = Some(states);
    let count = |count: usize| i64::try_from(count).expect("it is small");
    let moves = escalations(events);
    figures.escalated_in = count(
        moves
            .iter()
            .filter(|(_, step)| step.to == node.name)
            .count(),
    );
    figures.meetings_held = count(
        events
            .iter()
            .filter(|event| {
                matches!(&event.payload, Some(Payload::MeetingClosed(meeting))
                    if meeting.node == short(&node.name))
            })
            .count(),
    );
    figures
}
