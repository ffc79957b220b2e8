//! A log that is bounded by age: what is left of it is as good as the whole, and whoever asks for what is gone is told so.

use echelon_api::v1::{self, ErrorReason};
use echelon_domain::{OrganizationId, Timestamp};
use echelon_server::{
    check::{Finding, check_all},
    compact::{CompactError, Compacted, compact},
    stream::{ExportError, export},
};
use echelon_store::{Store, StoreError};
use echelon_testkit::{START, TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    DAY, Org, assert_sound,
    history::History,
    log::{assert_whole, time},
    refusal::refused,
    sample::TEAMS,
    soon, together,
};

on_both!(
    e9_the_rest_of_any_history_is_checked_from_its_base,
    e9_a_log_that_does_not_hold_is_left_alone,
    e10_what_is_older_than_the_log_is_refused_and_nothing_else,
    e10_a_reader_that_is_overtaken_is_told,
    e6_what_was_live_keeps_its_history,
    e3_writers_go_on_while_a_log_is_compacted,
    a_log_is_compacted_by_one_at_a_time,
    a_compacted_log_is_not_exported,
);

fn acme() -> OrganizationId {
    OrganizationId::new("organization", "acme").expect("it is an id")
}

async fn compacted(store: &Store, before: Timestamp) -> Compacted {
    let compacted = compact(store, &acme(), before).await;
    compacted.unwrap_or_else(|error| panic!("the log is not compacted: {error}"))
}

async fn finding(store: &Store) -> Finding {
    let mut findings = check_all(store).await.expect("it can be read");
    findings.pop().expect("there is one organization")
}

/// The same database, served by a server that has nothing at hand of what was written before.
async fn anew(server: TestServer, database: &TestDatabase) -> (TestServer, Org) {
    let clock = server.clock().clone();
    server.stop().await;
    let server = TestServer::start_with(database, clock, |_| {}).await;
    let org = Org::named(&server, "acme");
    (server, org)
}

async fn e9_the_rest_of_any_history_is_checked_from_its_base(database: TestDatabase) {
    let servers = [TestServer::start(&database).await];
    let mut history = History::begin(&servers, 7).await;
    history.run(150).await;
    let org = history.org().clone();
    let id = OrganizationId::new("organization", crate::support::short(&org.name()));
    let id = id.expect("it is an id");
    let store = servers[0].app().store().clone();
    let events = org.events().await;
    let mut removed = 0;
    // Again and again, each time on the base before.
    for part in [1, 2, 3] {
        let cut = &events[events.len() * part / 4];
        let compacted = compact(&store, &id, time(cut.time.as_ref())).await;
        let compacted = compacted.expect("it holds");
        assert!(compacted.removed > 0, "nothing was old enough");
        assert!(compacted.revision < cut.revision);
        removed += compacted.removed;
        assert_sound(&servers[0]).await;
        let found = finding(&store).await;
        assert_eq!(found.compacted, compacted.revision);
        assert_eq!(found.events + removed, events.len() as u64);
        let rest = org.events_after(compacted.revision).await;
        assert_eq!(rest, events[events.len() - rest.len()..]);
        assert_whole(&rest, compacted.revision);
    }
    history.run(50).await;
    assert_sound(&servers[0]).await;
    // Everything but the newest revision.
    let all = Timestamp::from_micros(i64::MAX);
    let last = compact(&store, &id, all).await.expect("it holds");
    assert_eq!(last.revision, org.revision().await - 1);
    assert_sound(&servers[0]).await;
    let nothing = compact(&store, &id, all).await.expect("it holds");
    assert_eq!((nothing.removed, nothing.revision), (0, last.revision));
    history.run(30).await;
    assert_sound(&servers[0]).await;
}

async fn e9_a_log_that_does_not_hold_is_left_alone(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 5).await;
    server.advance(DAY);
    let blocker = org.raise(TEAMS[1], "today").await;
    let store = server.app().store();
    let first = compacted(store, START.plus(DAY / 2)).await;
    assert!(first.removed > 0);
    // What is older than the base is compared as well as what came after it.
    for number in [1, 6] {
        let damage = format!("UPDATE blocker SET title = title || '!' WHERE number = {number}");
        database.execute(&damage).await;
        let found = finding(store).await;
        assert_eq!(found.violations[0].guarantee, "E9", "{number}");
        let events = database.rows("event").await;
        let refused = compact(store, &acme(), Timestamp::from_micros(i64::MAX)).await;
        assert!(matches!(refused, Err(CompactError::Unsound { .. })));
        assert_eq!(database.rows("event").await, events);
        let repair = format!(
            "UPDATE blocker SET title = substr(title, 1, length(title) - 1) WHERE number = {number}"
        );
        database.execute(&repair).await;
        assert_sound(&server).await;
    }
    assert_eq!(org.get(&blocker.name).await, blocker);
    // And so is a base that somebody has edited.
    database
        .execute("UPDATE log_base_rows SET content = replace(content, 'Acme', 'Acne')")
        .await;
    assert!(!finding(store).await.violations.is_empty());
}

async fn token_after(org: &Org, after_revision: i64) -> String {
    let page = v1::ListEventsRequest {
        parent: org.name(),
        after_revision,
        page_size: 1,
        ..Default::default()
    };
    org.ok(page).await.resume_token
}

async fn e10_what_is_older_than_the_log_is_refused_and_nothing_else(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 6).await;
    server.advance(DAY);
    org.raise_many(TEAMS[1], 4).await;
    let newest = org.revision().await;
    let mut tokens = Vec::new();
    for revision in 0..newest {
        // The token that one gets with this revision's successor.
        tokens.push((revision + 1, token_after(&org, revision).await));
    }
    let events = org.events().await;
    let floor = compacted(server.app().store(), START.plus(DAY / 2)).await;
    let (server, org) = anew(server, &database).await;
    assert!(1 < floor.revision && floor.revision < newest - 1);
    for (revision, token) in tokens {
        let watch = v1::WatchEventsRequest {
            parent: org.name(),
            resume_token: token,
            ..Default::default()
        };
        let list = v1::ListEventsRequest {
            parent: org.name(),
            after_revision: revision,
            ..Default::default()
        };
        if revision < floor.revision {
            let told = refused(
                org.watch_with(watch).await,
                Code::OutOfRange,
                ErrorReason::Compacted,
            );
            assert!(told.message().contains("read a snapshot"), "{told:?}");
            refused(
                org.call(list).await,
                Code::OutOfRange,
                ErrorReason::Compacted,
            );
            continue;
        }
        let mut watch = org.watch_with(watch).await.expect("it is in the log");
        let expected: Vec<_> = events
            .iter()
            .filter(|event| event.revision > revision)
            .cloned()
            .collect();
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            let message = soon(watch.message()).await.expect("the watch goes on");
            seen.extend(message.expect("the watch goes on").events);
        }
        assert_eq!(seen, expected);
        assert_eq!(org.ok(list).await.events, expected);
    }
    // From a snapshot on, nothing is missing.
    let mut watch = org.watch(String::new()).await;
    let begun = soon(watch.message()).await.expect("it goes on");
    assert_eq!(begun.expect("it goes on").revision, newest);
    org.raise(TEAMS[0], "later").await;
    let next = soon(watch.message()).await.expect("it goes on");
    assert_eq!(next.expect("it goes on").revision, newest + 1);
    server.stop().await;
}

async fn e10_a_reader_that_is_overtaken_is_told(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 6).await;
    server.advance(DAY);
    org.raise_many(TEAMS[1], 2).await;
    let (server, org) = anew(server, &database).await;
    let mut list = v1::ListEventsRequest {
        parent: org.name(),
        page_size: 2,
        ..Default::default()
    };
    list.page_token = org.ok(list.clone()).await.next_page_token;
    assert!(!list.page_token.is_empty());
    compacted(server.app().store(), START.plus(DAY / 2)).await;
    refused(
        org.call(list).await,
        Code::OutOfRange,
        ErrorReason::Compacted,
    );
    server.stop().await;
}

async fn history(org: &Org, name: &str) -> Vec<v1::Event> {
    let mut list = v1::ListBlockerHistoryRequest {
        name: name.to_owned(),
        ..Default::default()
    };
    let mut events = Vec::new();
    loop {
        let page = org.ok(list.clone()).await;
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            return events;
        }
        list.page_token = page.next_page_token;
    }
}

async fn e6_what_was_live_keeps_its_history(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let escalate = async |name: &str| {
        org.ok(v1::EscalateBlockerRequest {
            name: name.to_owned(),
            reason: "too big for the team".to_owned(),
            ..Default::default()
        })
        .await;
    };
    let live = org.raise(TEAMS[0], "live").await.name;
    let closed = org.raise(TEAMS[0], "closed").await.name;
    for name in [&live, &closed] {
        escalate(name).await;
    }
    let back = org.raise(TEAMS[0], "back").await.name;
    escalate(&back).await;
    let close = async |name: &str| {
        org.resolve(name).await;
        org.ok(v1::VerifyBlockerRequest {
            name: name.to_owned(),
            ..Default::default()
        })
        .await;
    };
    for name in [&closed, &back] {
        close(name).await;
    }
    server.advance(DAY);
    escalate(&live).await;
    // It was closed at the instant up to which the log goes, and is open again.
    org.ok(v1::ReopenBlockerRequest {
        name: back.clone(),
        reason: "not gone".to_owned(),
        ..Default::default()
    })
    .await;
    let again = history(&org, &back).await;
    let before = (history(&org, &live).await, org.explain(&live).await);
    assert_eq!(before.1.moves.len(), 2);
    compacted(server.app().store(), START.plus(DAY / 2)).await;
    assert_eq!(history(&org, &live).await, before.0);
    assert_eq!(history(&org, &back).await, again);
    assert_eq!(org.explain(&live).await.moves, before.1.moves);
    assert_eq!(history(&org, &closed).await, []);
    assert_eq!(org.explain(&closed).await.moves, []);
    // What is closed comes back all the same, and its history begins there.
    org.ok(v1::ReopenBlockerRequest {
        name: closed.clone(),
        reason: "not gone".to_owned(),
        ..Default::default()
    })
    .await;
    assert_eq!(history(&org, &closed).await.len(), 1);
    assert_sound(&server).await;
    // Once it is closed for longer than what is kept, it goes.
    for name in [&live, &closed, &back] {
        close(name).await;
    }
    server.advance(DAY);
    org.raise(TEAMS[0], "new").await;
    compacted(server.app().store(), START.plus(DAY * 3 / 2)).await;
    assert_eq!(history(&org, &live).await, []);
    assert_eq!(database.rows("blocker_history").await, 0);
    assert_sound(&server).await;
}

async fn e3_writers_go_on_while_a_log_is_compacted(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 40).await;
    server.advance(DAY);
    let writers: Vec<_> = TEAMS[1..5]
        .iter()
        .map(|team| {
            let org = org.clone();
            async move { org.raise_many(team, 20).await }
        })
        .collect();
    let store = server.app().store();
    let (_, compacted) = tokio::join!(together(writers), compacted(store, START.plus(DAY / 2)),);
    assert!(compacted.removed > 0);
    assert_sound(&server).await;
    assert_eq!(
        org.figures("rail").await.raised_total,
        org.figures("rail").await.open
    );
    let (server, org) = anew(server, &database).await;
    assert_whole(
        &org.events_after(compacted.revision).await,
        compacted.revision,
    );
    assert_sound(&server).await;
}

async fn a_log_is_compacted_by_one_at_a_time(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 5).await;
    let store = server.app().store();
    let loaded = store.load_all(&acme()).await.expect("it can be read");
    let state = echelon_domain::Organization::restore(loaded.expect("it exists").parts);
    org.raise(TEAMS[0], "newest").await;
    assert!(store.compact(&state, 0).await.expect("nobody else does") > 0);
    // Whoever began before that did it on another base.
    for before in [0, 1] {
        let refused = store.compact(&state, before).await;
        let is_refused = matches!(
            refused,
            Err(StoreError::Stale { .. } | StoreError::Rejected { .. })
        );
        assert!(is_refused, "{refused:?}");
    }
    assert_sound(&server).await;
}

async fn a_compacted_log_is_not_exported(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many(TEAMS[0], 5).await;
    server.advance(DAY);
    org.raise(TEAMS[0], "today").await;
    let floor = compacted(server.app().store(), START.plus(DAY / 2)).await;
    let mut stream = Vec::new();
    let refused = export(
        server.app().store(),
        &acme(),
        START,
        &mut stream,
        &mut (Box::new(|_: &_| {}) as _),
    )
    .await;
    match refused {
        Err(ExportError::Compacted { revision, .. }) => assert_eq!(revision, floor.revision),
        other => panic!("it is exported: {other:?}"),
    }
    assert!(stream.is_empty());
}
