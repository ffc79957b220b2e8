//! Lists: every filter and page against a naive one.

use std::{sync::Arc, time::Duration};

use echelon_domain::{
    BlockerNumber, MeetingNumber, NodeId,
    blocker::{Blocker, EscalationState, Severity, State},
    command::Command,
    list::{self, BlockerCursor, BlockerOrder, BlockerQuery},
};
use echelon_store::MeetingQuery;
use echelon_testkit::{TestDatabase, on_both};

use super::history::{History, new_blocker, node};

on_both!(
    every_filter_finds_what_a_naive_one_finds,
    pages_join_to_the_whole_list_in_every_order,
    lists_of_ten_thousand_nodes_are_taken,
    meetings_are_listed_newest_first,
    what_is_due_names_its_organization,
);

/// Blockers of every severity in most states, raised at times that tie.
async fn populated(database: &TestDatabase) -> History {
    let mut history = History::with_trains(database.open_store().await, 2, 3).await;
    let mut commands = Vec::new();
    for n in 0_i64..48 {
        let origin = format!("team-{}-{}", 1 + n % 2, 1 + n % 3);
        let mut blocker = new_blocker(&origin, &format!("number {n}"));
        blocker.severity = Some(Severity::ALL[usize::try_from(n % 4).unwrap()]);
        blocker.category = ["", "environment"][usize::try_from(n % 2).unwrap()].to_owned();
        commands.push(Command::RaiseBlocker {
            blocker: Box::new(blocker),
            anonymous: false,
        });
    }
    history.commit_all(&commands).await;
    let mut commands = Vec::new();
    for n in (1..=48).map(BlockerNumber::new) {
        let reason = || "so".to_owned();
        commands.extend(match n.get() % 7 {
            0 => Some(Command::OwnBlocker {
                number: n,
                owner: "lead@example.com".to_owned(),
                committed_at: None,
                etag: None,
            }),
            1 => Some(Command::ResolveBlocker {
                number: n,
                resolution: reason(),
                etag: None,
            }),
            2 => Some(Command::WithdrawBlocker {
                number: n,
                reason: reason(),
                etag: None,
            }),
            3 => Some(Command::HoldBlocker {
                number: n,
                until: history.now.plus(Duration::from_secs(86_400)),
                approver: "rte@example.com".to_owned(),
                reason: reason(),
                etag: None,
            }),
            _ => None,
        });
    }
    history.commit_all(&commands).await;
    history
}

async fn list(history: &History, query: &BlockerQuery) -> Vec<BlockerNumber> {
    let (revision, found) = history.store.blockers(&history.id, query).await.unwrap();
    assert_eq!(revision, history.live.revision());
    found.iter().map(|blocker| blocker.number).collect()
}

/// What is live is listed from memory: the page must be the one that the database gives.
async fn check_live(history: &History, query: &BlockerQuery) {
    let mut query = query.clone();
    if query.states.is_empty() {
        query.states = State::ALL.to_vec();
    }
    query
        .states
        .retain(|state| state.is_open() || *state == State::Resolved);
    if query.is_live() {
        let page = list::page(&history.live, &query);
        let page: Vec<BlockerNumber> = page.iter().map(|blocker| blocker.number).collect();
        assert_eq!(page, list(history, &query).await, "{query:?}");
    }
}

/// What a query finds is what its parts find, the open from memory, and the closed from the database.
async fn check_joined(history: &History, query: &BlockerQuery) {
    let (open, closed) = (query.open_part(), query.closed_part());
    let open = open.map_or_else(Vec::new, |open| list::page(&history.live, &open));
    let closed = match closed {
        Some(closed) => {
            assert!(closed.is_closed());
            let (_, closed) = history.store.blockers(&history.id, &closed).await.unwrap();
            closed.into_iter().map(Arc::new).collect()
        }
        None => Vec::new(),
    };
    let joined = list::join(open, closed, query);
    let joined: Vec<BlockerNumber> = joined.iter().map(|blocker| blocker.number).collect();
    assert_eq!(joined, list(history, query).await, "{query:?}");
}

/// What a filter finds among all that ever were, by number.
fn naive(history: &History, keep: impl Fn(&Blocker) -> bool) -> Vec<BlockerNumber> {
    let all = history.folded.blockers().map(Arc::as_ref);
    all.filter(|blocker| keep(blocker))
        .map(|blocker| blocker.number)
        .collect()
}

async fn every_filter_finds_what_a_naive_one_finds(database: TestDatabase) {
    type Keep = Box<dyn Fn(&Blocker) -> bool>;
    let history = populated(&database).await;
    let all = || BlockerQuery {
        limit: 100,
        ..BlockerQuery::default()
    };
    let middle = history.folded.blocker(BlockerNumber::new(20)).unwrap();
    let middle = middle.content.raised_at;
    let origins = vec![node("team-1-1"), node("team-2-3")];
    let holders = vec![node("train-1"), node("solution"), node("team-2-1")];
    let (some_origins, some_holders) = (origins.clone(), holders.clone());
    let cases: Vec<(BlockerQuery, Keep)> = vec![
        (all(), Box::new(|_| true)),
        (
            BlockerQuery {
                states: vec![State::Owned, State::Withdrawn],
                ..all()
            },
            Box::new(|b| matches!(b.status.state, State::Owned | State::Withdrawn)),
        ),
        (
            BlockerQuery {
                severities: vec![Severity::Critical],
                states: State::ALL.into_iter().filter(|s| s.is_open()).collect(),
                ..all()
            },
            Box::new(|b| b.content.severity == Severity::Critical && b.is_open()),
        ),
        (
            BlockerQuery {
                origins: Some(origins),
                ..all()
            },
            Box::new(move |b| some_origins.contains(&b.content.origin)),
        ),
        (
            BlockerQuery {
                holders: Some(holders),
                ..all()
            },
            Box::new(move |b| some_holders.contains(&b.status.holder)),
        ),
        (
            BlockerQuery {
                origins: Some(Vec::new()),
                ..all()
            },
            Box::new(|_| false),
        ),
        (
            BlockerQuery {
                owner: Some("lead@example.com".to_owned()),
                ..all()
            },
            Box::new(|b| b.status.owner.is_some()),
        ),
        (
            BlockerQuery {
                unowned: true,
                ..all()
            },
            Box::new(|b| b.status.owner.is_none()),
        ),
        (
            BlockerQuery {
                category: Some("environment".to_owned()),
                ..all()
            },
            Box::new(|b| b.content.category == "environment"),
        ),
        (
            BlockerQuery {
                escalation: Some(EscalationState::Paused),
                ..all()
            },
            Box::new(|b| b.status.escalation == EscalationState::Paused),
        ),
        (
            BlockerQuery {
                raised_before: Some(middle),
                ..all()
            },
            Box::new(move |b| b.content.raised_at < middle),
        ),
    ];
    for (query, keep) in cases {
        for order in [BlockerOrder::Number, BlockerOrder::Severity] {
            for descending in [false, true] {
                let query = BlockerQuery {
                    order,
                    descending,
                    ..query.clone()
                };
                check_live(&history, &query).await;
                check_joined(&history, &query).await;
            }
        }
        assert_eq!(
            list(&history, &query).await,
            naive(&history, keep),
            "{query:?}"
        );
    }
}

async fn pages_join_to_the_whole_list_in_every_order(database: TestDatabase) {
    let history = populated(&database).await;
    let closed = State::ALL.into_iter().filter(|state| !state.is_open());
    let few = BlockerQuery {
        states: closed.collect(),
        origins: Some(vec![node("team-1-1"), node("team-2-3"), node("team-1-3")]),
        ..BlockerQuery::default()
    };
    for (all, limit) in [(BlockerQuery::default(), 7), (few, 2)] {
        for order in [
            BlockerOrder::Number,
            BlockerOrder::RaiseTime,
            BlockerOrder::Severity,
        ] {
            for descending in [false, true] {
                let query = BlockerQuery {
                    order,
                    descending,
                    limit,
                    ..all.clone()
                };
                check_pages(&history, query).await;
            }
        }
    }
}

async fn check_pages(history: &History, mut query: BlockerQuery) {
    let (order, limit) = (query.order, usize::try_from(query.limit).unwrap());
    let mut expected: Vec<BlockerCursor> = history
        .folded
        .blockers()
        .filter(|blocker| query.states.is_empty() || query.states.contains(&blocker.status.state))
        .filter(|blocker| {
            let origins = query.origins.as_ref();
            origins.is_none_or(|origins| origins.contains(&blocker.content.origin))
        })
        .map(|blocker| BlockerCursor::of(blocker, order))
        .collect();
    assert!(expected.len() > limit);
    expected.sort_by_key(|cursor| (cursor.key, cursor.number));
    if query.descending {
        expected.reverse();
    }
    let mut read = Vec::new();
    loop {
        check_live(history, &query).await;
        check_joined(history, &query).await;
        let (_, page) = history.store.blockers(&history.id, &query).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= limit);
        query.after = Some(BlockerCursor::of(last, order));
        read.extend(page.iter().map(|blocker| BlockerCursor::of(blocker, order)));
    }
    assert_eq!(read, expected, "{query:?}");
}

async fn lists_of_ten_thousand_nodes_are_taken(database: TestDatabase) {
    let history = populated(&database).await;
    let team = node("team-1-2");
    let all = naive(&history, |blocker| {
        blocker.content.origin == team && blocker.status.holder == team
    });
    assert!(all.len() > 3);
    // In the statement, at the limit of one, and beyond it.
    for others in [0, 999, 10_000] {
        let mut nodes: Vec<NodeId> = (0..others).map(|n| node(&format!("other-{n}"))).collect();
        nodes.push(team.clone());
        let mut query = BlockerQuery {
            origins: Some(nodes.clone()),
            holders: Some(nodes),
            descending: true,
            limit: 3,
            ..BlockerQuery::default()
        };
        let mut read = Vec::new();
        loop {
            let before = history.store.statements();
            let page = list(&history, &query).await;
            // The head, and the page.
            assert_eq!(history.store.statements() - before, 2);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 3);
            query.after = Some(BlockerCursor {
                key: last.get(),
                number: *last,
            });
            read.extend(page);
        }
        read.reverse();
        assert_eq!(read, all);
    }
}

async fn meetings_are_listed_newest_first(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let open = |at: &str| Command::OpenMeeting {
        node: node(at),
        title: None,
    };
    let close = |number| Command::CloseMeeting {
        number: MeetingNumber::new(number),
    };
    history
        .commit_all(&[open("team-1-1"), open("team-1-2"), close(1)])
        .await;
    history
        .commit_all(&[open("team-1-1"), close(3), open("team-1-1")])
        .await;
    let list = |node_id: Option<&str>, open, before: Option<i64>, limit| {
        let query = MeetingQuery {
            node: node_id.map(node),
            open,
            before: before.map(MeetingNumber::new),
            limit,
        };
        let (store, id) = (history.store.clone(), history.id.clone());
        async move {
            let found = store.meetings(&id, &query).await.unwrap();
            found.iter().map(|m| m.number.get()).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None, None, None, 9).await, [4, 3, 2, 1]);
    assert_eq!(list(None, Some(true), None, 9).await, [4, 2]);
    assert_eq!(list(None, Some(false), None, 9).await, [3, 1]);
    assert_eq!(list(Some("team-1-1"), None, Some(4), 1).await, [3]);
    assert_eq!(list(Some("team-1-2"), Some(false), None, 9).await, [0; 0]);
}

async fn what_is_due_names_its_organization(database: TestDatabase) {
    let history = populated(&database).await;
    let next = history.live.next_timer().unwrap();
    let due = |at| history.store.due_organizations(at);
    let found = due(next).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&history.id));
    assert_eq!(due(next.minus(Duration::from_micros(1))).await.unwrap(), []);
}
