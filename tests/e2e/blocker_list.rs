//! Listing blockers: every filter, order and page, against a filter that only reads blockers one by one.

use std::{
    cmp::Reverse,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use echelon_api::v1::{self, Blocker, BlockerScope, BlockerState, EscalationState, Severity};
use echelon_domain::Timestamp;
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{
    DAY, HOUR, Org, dice::Dice, later, log::time, sample::NODES, sample::TEAMS, short, span,
};

on_both!(
    blockers_are_listed_as_a_plain_filter_would,
    open_blockers_of_the_whole_organization_are_listed_by_default,
    a_page_after_a_change_goes_on_where_the_last_ended,
    e2_a_list_beside_a_writer_has_each_blocker_once,
);

const CATEGORIES: [&str; 3] = ["", "environment", "decision"];
const OWNERS: [&str; 2] = ["tech-lead@example.com", "architect@example.com"];
const ORDERS: [&str; 6] = [
    "",
    "number desc",
    "raise_time",
    "raise_time desc",
    "severity",
    "severity desc",
];

/// Raises blockers of all sorts, and lets all sorts of things happen to them.
async fn populate(server: &TestServer, org: &Org, dice: &mut Dice) -> Vec<Blocker> {
    let count = 48;
    for number in 1..=count {
        if dice.one_in(3) {
            server.advance(HOUR);
        }
        let severities = [
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ];
        let blocker = Blocker {
            origin: org.node(dice.pick(&TEAMS)),
            title: format!("number {number}"),
            severity: dice.pick(&severities).into(),
            category: dice.pick(&CATEGORIES).to_owned(),
            ..Default::default()
        };
        let name = org.raise_with(blocker).await.name;
        if dice.one_in(3) {
            let request = v1::EscalateBlockerRequest {
                name: name.clone(),
                reason: "by hand".to_owned(),
                ..Default::default()
            };
            org.ok(request).await;
        }
        match dice.below(8) {
            0 => drop(org.resolve(&name).await),
            1 => {
                let request = v1::WithdrawBlockerRequest {
                    name,
                    ..Default::default()
                };
                org.ok(request).await;
            }
            2 | 3 => {
                let request = v1::OwnBlockerRequest {
                    name,
                    owner: dice.pick(&OWNERS).to_owned(),
                    ..Default::default()
                };
                org.ok(request).await;
            }
            4 => {
                let request = v1::HoldBlockerRequest {
                    name,
                    expire_time: later(server, DAY),
                    approver: "rte@example.com".to_owned(),
                    ..Default::default()
                };
                org.ok(request).await;
            }
            5 => {
                let request = v1::AcknowledgeBlockerRequest {
                    name,
                    ..Default::default()
                };
                org.ok(request).await;
            }
            _ => {}
        }
    }
    // Now no event is newer than the clock, which stands on a whole hour since some of the raises.
    server.advance(HOUR);
    let mut blockers = Vec::new();
    for number in 1..=count {
        blockers.push(org.get(&org.blocker(number)).await);
    }
    blockers
}

/// A list with about half of its filters set.
fn random_request(org: &Org, dice: &mut Dice) -> v1::ListBlockersRequest {
    let mut request = v1::ListBlockersRequest {
        parent: org.name(),
        order_by: dice.pick(&ORDERS).to_owned(),
        page_size: i32::try_from(1 + dice.below(20)).expect("it is small"),
        scope: i32::try_from(dice.below(5)).expect("it is small"),
        ..Default::default()
    };
    let node = |dice: &mut Dice| org.node(dice.pick(&NODES).0);
    if dice.one_in(2) {
        request.node = node(dice);
    }
    if dice.one_in(2) {
        request.states = (1..=8).filter(|_| !dice.one_in(3)).collect();
    }
    if dice.one_in(4) {
        request.severities = (1..=4).filter(|_| !dice.one_in(3)).collect();
    }
    if dice.one_in(8) {
        request.holder = node(dice);
    }
    if dice.one_in(8) {
        request.owner = dice.pick(&OWNERS).to_owned();
    }
    request.unowned = dice.one_in(6);
    if dice.one_in(4) {
        request.min_age = span(HOUR * u32::try_from(dice.below(16)).expect("it is small"));
    }
    if dice.one_in(6) {
        request.category = dice.pick(&CATEGORIES).to_owned();
    }
    if dice.one_in(8) {
        request.escalation_state = i32::try_from(1 + dice.below(4)).expect("it is small");
    }
    request
}

/// What the list must say, by its documentation.
fn expected(request: &v1::ListBlockersRequest, all: &[Blocker], now: Timestamp) -> Vec<Blocker> {
    let parent_of = |id: &str| NODES.iter().find(|node| node.0 == id).map(|node| node.1);
    let within = |node: &str, top: &str| {
        std::iter::successors(Some(short(node)), |step| parent_of(step)).any(|step| step == top)
    };
    let top = match short(&request.node) {
        "" => "acme",
        node => node,
    };
    let is_open = |state| {
        matches!(
            state,
            BlockerState::Raised
                | BlockerState::Acknowledged
                | BlockerState::Owned
                | BlockerState::OnHold
        )
    };
    let mut found: Vec<Blocker> = all
        .iter()
        .filter(|blocker| match request.scope() {
            BlockerScope::Unspecified | BlockerScope::OriginSubtree => within(&blocker.origin, top),
            BlockerScope::Origin => short(&blocker.origin) == top,
            BlockerScope::HeldHere => short(&blocker.holder) == top,
            BlockerScope::HeldSubtree => within(&blocker.holder, top),
        })
        .filter(|blocker| {
            request.states.contains(&blocker.state)
                || (request.states.is_empty() && is_open(blocker.state()))
        })
        .filter(|blocker| {
            request.severities.is_empty() || request.severities.contains(&blocker.severity)
        })
        .filter(|blocker| request.holder.is_empty() || blocker.holder == request.holder)
        .filter(|blocker| request.owner.is_empty() || blocker.owner == request.owner)
        .filter(|blocker| !request.unowned || blocker.owner.is_empty())
        .filter(|blocker| request.category.is_empty() || blocker.category == request.category)
        .filter(|blocker| {
            request.escalation_state() == EscalationState::Unspecified
                || blocker.escalation_state == request.escalation_state
        })
        .filter(|blocker| {
            request.min_age.as_ref().is_none_or(|age| {
                let age = std::time::Duration::try_from(*age).expect("it is positive");
                now.since(time(blocker.raise_time.as_ref())) >= age
            })
        })
        .cloned()
        .collect();
    let number = |blocker: &Blocker| {
        let digits = short(&blocker.name).trim_start_matches("B-");
        digits.parse::<u64>().expect("a name ends with a number")
    };
    let raised = |blocker: &Blocker| time(blocker.raise_time.as_ref());
    match request.order_by.as_str() {
        "" => found.sort_by_key(number),
        "number desc" => found.sort_by_key(|b| Reverse(number(b))),
        "raise_time" => found.sort_by_key(|b| (raised(b), number(b))),
        "raise_time desc" => found.sort_by_key(|b| Reverse((raised(b), number(b)))),
        "severity" => found.sort_by_key(|b| (b.severity, number(b))),
        "severity desc" => found.sort_by_key(|b| Reverse((b.severity, number(b)))),
        other => panic!("no order {other}"),
    }
    found
}

/// Every page of a list.
async fn listed(org: &Org, mut request: v1::ListBlockersRequest) -> Vec<Blocker> {
    let size = usize::try_from(request.page_size).expect("a size is positive");
    let mut found = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        found.extend(page.blockers.clone());
        if page.next_page_token.is_empty() {
            return found;
        }
        assert_eq!(page.blockers.len(), size, "only the last page is short");
        request.page_token = page.next_page_token;
    }
}

async fn blockers_are_listed_as_a_plain_filter_would(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut dice = Dice::new(11);
    let all = populate(&server, &org, &mut dice).await;
    let mut lengths = Vec::new();
    for _ in 0..120 {
        let request = random_request(&org, &mut dice);
        let expected = expected(&request, &all, server.app().now());
        lengths.push(expected.len());
        assert_eq!(listed(&org, request.clone()).await, expected, "{request:?}");
    }
    // The requests were not all about nothing.
    let found = lengths.iter().filter(|length| **length > 0).count();
    assert!(
        found > 50,
        "only {found} of {} found anything",
        lengths.len()
    );
}

async fn open_blockers_of_the_whole_organization_are_listed_by_default(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 60).await;
    org.resolve(&org.blocker(7)).await;
    let request = v1::ListBlockersRequest {
        parent: org.name(),
        ..Default::default()
    };
    let page = org.ok(request).await;
    assert_eq!(page.blockers.len(), 50);
    assert_eq!(page.revision, org.revision().await);
    assert!(
        !page
            .blockers
            .iter()
            .any(|blocker| blocker.name == org.blocker(7))
    );
    assert!(!page.next_page_token.is_empty());
}

async fn a_page_after_a_change_goes_on_where_the_last_ended(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for severity in [
        Severity::Low,
        Severity::High,
        Severity::Medium,
        Severity::High,
    ] {
        let blocker = org.raise_as("team-1", severity).await;
        assert_eq!(blocker.severity(), severity);
    }
    let mut request = v1::ListBlockersRequest {
        parent: org.name(),
        order_by: "severity desc".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let first = org.ok(request.clone()).await;
    // One that was listed already goes, and one comes that sorts before the page.
    org.resolve(&first.blockers[0].name).await;
    org.raise_as("team-2", Severity::Critical).await;
    request.page_token = first.next_page_token;
    let second = org.ok(request).await;
    let names: Vec<&str> = second
        .blockers
        .iter()
        .map(|blocker| short(&blocker.name))
        .collect();
    assert_eq!(names, ["B-3", "B-1"]);
    assert_eq!(second.next_page_token, "");
}

async fn e2_a_list_beside_a_writer_has_each_blocker_once(database: TestDatabase) {
    const BLOCKERS: usize = 12;
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", BLOCKERS).await;
    let toggled = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let writing = async {
        let mut dice = Dice::new(12);
        let mut is_resolved = [false; BLOCKERS];
        while !is_over.load(Ordering::Relaxed) {
            let index = dice.below(BLOCKERS);
            let name = org.blocker(index + 1);
            if is_resolved[index] {
                let reason = "not yet".to_owned();
                let request = v1::ReopenBlockerRequest {
                    name,
                    reason,
                    ..Default::default()
                };
                org.ok(request).await;
            } else {
                org.resolve(&name).await;
            }
            is_resolved[index] = !is_resolved[index];
            toggled.fetch_add(1, Ordering::Relaxed);
        }
    };
    let reading = async {
        let request = v1::ListBlockersRequest {
            parent: org.name(),
            node: org.node("team-1"),
            states: (1..=8).collect(),
            ..Default::default()
        };
        let mut mixed = 0;
        for _ in 0..60 {
            let page = org.ok(request.clone()).await;
            let mut names: Vec<&str> = page.blockers.iter().map(|b| short(&b.name)).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!((names.len(), page.blockers.len()), (BLOCKERS, BLOCKERS));
            let resolved = |blocker: &&Blocker| blocker.state() == BlockerState::Resolved;
            let resolved = page.blockers.iter().filter(resolved).count();
            mixed += usize::from(resolved > 0 && resolved < BLOCKERS);
        }
        is_over.store(true, Ordering::Relaxed);
        mixed
    };
    let ((), mixed) = tokio::join!(writing, reading);
    assert!(mixed > 20, "{mixed} of 60 lists had both");
    assert!(toggled.load(Ordering::Relaxed) > 20, "{toggled:?}");
}
