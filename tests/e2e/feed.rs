//! Watching events: every event once, in order, whole revisions only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use echelon_api::v1::{self, ErrorReason, WatchEventsResponse};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::{Code, Streaming};

use crate::support::{
    Org,
    log::assert_whole,
    refusal::{faults, reason, refused},
    sample::{NODES, TEAMS},
    soon, span, together,
};

on_both!(
    e10_watchers_see_every_event_once_in_order_while_many_write,
    e10_a_watcher_that_reconnects_misses_nothing_and_sees_nothing_twice,
    e10_a_watch_ends_with_a_shutdown_and_goes_on_after_a_restart,
    e10_a_watch_goes_on_after_a_kill,
    e10_a_subtree_is_that_of_the_tree_at_each_event,
    e10_tokens_of_another_history_are_refused,
    e10_tokens_from_the_future_and_nonsense_are_refused,
    e10_a_silent_watch_has_a_heartbeat,
    e10_a_watcher_that_does_not_read_stalls_nobody,
    e10_a_list_ends_with_whole_revisions_and_a_token_to_go_on_with,
    e10_a_page_of_long_texts_stays_within_what_clients_take,
    e10_a_new_epoch_refuses_tokens_that_the_new_history_has_grown_past,
    a_watch_for_which_there_is_no_room_is_refused,
);

/// The next message of a watch.
async fn next(watch: &mut Streaming<WatchEventsResponse>) -> WatchEventsResponse {
    let message = soon(watch.message()).await.expect("the watch goes on");
    message.expect("the watch goes on")
}

/// Reads a watch up to a revision. Checks that each message holds whole revisions, and follows the one before.
async fn read_until(watch: &mut Streaming<WatchEventsResponse>, revision: i64) -> Vec<v1::Event> {
    let mut events: Vec<v1::Event> = Vec::new();
    let mut read = 0;
    while read < revision {
        let message = next(watch).await;
        if let (Some(first), Some(last)) = (message.events.first(), message.events.last()) {
            assert!(first.revision > read, "a revision was split or sent twice");
            assert!(last.revision <= message.revision);
        }
        read = message.revision;
        events.extend(message.events);
    }
    events
}

async fn a_watch_for_which_there_is_no_room_is_refused(database: TestDatabase) {
    let clock = echelon_server::clock::ManualClock::new(echelon_testkit::START);
    let server = TestServer::start_with(&database, clock, |config| config.max_watches = 2).await;
    let org = Org::set_up(&server).await;
    let request = || v1::WatchEventsRequest {
        parent: org.name(),
        ..Default::default()
    };
    let first = org.watch_with(request()).await.expect("there is room");
    let rollup = v1::WatchRollupRequest {
        node: org.node("rail"),
        min_revision: 0,
    };
    let second = server.rollups().watch_rollup(rollup.clone()).await;
    let second = second.expect("there is room");
    for refusal in [
        refused::<()>(
            org.watch_with(request()).await.map(drop),
            Code::ResourceExhausted,
            ErrorReason::TooManyWatches,
        ),
        refused::<()>(
            server.rollups().watch_rollup(rollup).await.map(drop),
            Code::ResourceExhausted,
            ErrorReason::TooManyWatches,
        ),
    ] {
        assert!(refusal.message().contains("max_watches"), "{refusal:?}");
    }
    // Calls are not watches.
    org.raise("team-1", "no test data").await;
    drop((first, second));
    let again = async {
        while org.watch_with(request()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

/// The token of the beginning: of a list that ends before the first event.
async fn beginning(org: &Org) -> String {
    let answer = org
        .ok(v1::ListEventsRequest {
            parent: org.name(),
            page_size: 1,
            ..Default::default()
        })
        .await;
    altered(&answer.resume_token, |_| 0)
}

/// A token with another revision.
fn altered(token: &str, revision: impl FnOnce(i64) -> i64) -> String {
    let plain = URL_SAFE_NO_PAD.decode(token).expect("a token is base64");
    let plain = String::from_utf8(plain).expect("a token holds text");
    let (rest, number) = plain
        .rsplit_once('/')
        .expect("a token ends with a revision");
    let number = number.parse().expect("a token ends with a revision");
    URL_SAFE_NO_PAD.encode(format!("{rest}/{}", revision(number)))
}

/// Writes from every team at once, events about all sorts of nodes.
async fn write(org: &Org, rounds: usize) {
    let writers = TEAMS.into_iter().map(|team| {
        let org = org.clone();
        async move {
            for round in 0..rounds {
                let blocker = org.raise(team, &format!("number {round}")).await;
                match round % 3 {
                    0 => drop(org.meet(team).await),
                    1 => drop(org.resolve(&blocker.name).await),
                    _ => {}
                }
            }
        }
    });
    together(writers).await;
}

/// The events about a subtree.
fn about<'a>(events: &'a [v1::Event], top: &str) -> Vec<&'a v1::Event> {
    let within = |event: &&v1::Event| event.nodes.iter().any(|node| node == top);
    events.iter().filter(within).collect()
}

async fn e10_watchers_see_every_event_once_in_order_while_many_write(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let token = beginning(&org).await;
    let mut whole = org.watch(token.clone()).await;
    let mut parts = Vec::new();
    for top in ["acme", "rail", "rail-b", "team-6"] {
        let request = v1::WatchEventsRequest {
            parent: org.name(),
            resume_token: token.clone(),
            subtree: org.node(top),
            ..Default::default()
        };
        parts.push((
            top,
            org.watch_with(request)
                .await
                .expect("the watch is accepted"),
        ));
    }
    write(&org, 6).await;
    // The last event is about all of them, so that every watcher hears of the end.
    org.ok(v1::ApplyOrganizationRequest {
        name: org.name(),
        nodes: crate::support::sample::declarations()
            .into_iter()
            .map(|mut node| {
                node.display_name = format!("the last of {}", node.id);
                node
            })
            .collect(),
        ..Default::default()
    })
    .await;
    let end = org.revision().await;
    let events = read_until(&mut whole, end).await;
    assert_whole(&events, 0);
    assert_eq!(events, org.events().await);
    for (top, mut watch) in parts {
        let seen = read_until(&mut watch, end).await;
        let expected = about(&events, &org.node(top));
        assert_eq!(seen.iter().collect::<Vec<_>>(), expected, "below {top}");
        assert!(top == "acme" || expected.len() < events.len());
    }
}

async fn e10_a_watcher_that_reconnects_misses_nothing_and_sees_nothing_twice(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut token = beginning(&org).await;
    let mut seen = Vec::new();
    // Each connection is dropped after a message or two, while the writers go on.
    for round in 0..6 {
        let writing = {
            let org = org.clone();
            tokio::spawn(async move { write(&org, 2).await })
        };
        let mut watch = org.watch(token).await;
        let mut message = next(&mut watch).await;
        seen.append(&mut message.events);
        if round % 2 == 0 && message.revision < org.revision().await {
            message = next(&mut watch).await;
            seen.append(&mut message.events);
        }
        token = message.resume_token;
        drop(watch);
        soon(writing).await.expect("the writers succeed");
    }
    let mut watch = org.watch(token).await;
    let last = org.raise("team-1", "the last").await;
    seen.extend(read_until(&mut watch, org.revision().await).await);
    assert_whole(&seen, 0);
    assert_eq!(seen.last().map(|event| &event.blocker), Some(&last.name));
    assert_eq!(seen, org.events().await);
}

async fn e10_a_watch_ends_with_a_shutdown_and_goes_on_after_a_restart(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut watch = org.watch(String::new()).await;
    // Without a token the first message is one to resume with.
    let begun = next(&mut watch).await;
    assert_eq!(
        (begun.events.len(), begun.revision),
        (0, org.revision().await)
    );
    org.raise("team-1", "no test data").await;
    let message = next(&mut watch).await;
    assert_eq!(message.events.len(), 1);
    let clock = server.clock().clone();
    let (end, ()) = tokio::join!(soon(watch.message()), server.stop());
    let status = end.expect_err("the watch ends");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "UNAVAILABLE")
    );
    assert!(status.message().contains("resume"), "{status:?}");

    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    org.raise("team-2", "while nobody watched").await;
    let mut watch = org.watch(message.resume_token).await;
    org.raise("team-3", "while somebody watched").await;
    let end = org.revision().await;
    let events = read_until(&mut watch, end).await;
    assert_eq!(events, org.events_after(message.revision).await);
    // The first token is as good as ever.
    let mut watch = org.watch(begun.resume_token).await;
    let events = read_until(&mut watch, end).await;
    assert_eq!(events, org.events_after(begun.revision).await);
}

async fn e10_a_watch_goes_on_after_a_kill(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut watch = org.watch(beginning(&org).await).await;
    let writing = (0..40).map(|number| {
        let org = org.clone();
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
            drop(org.call(request).await);
        })
    });
    let writing: Vec<_> = writing.collect();
    let first = next(&mut watch).await;
    let mut seen = first.events;
    let mut token = first.resume_token;
    let clock = server.clock().clone();
    server.kill().await;
    while let Ok(Some(message)) = soon(watch.message()).await {
        seen.extend(message.events);
        token = message.resume_token;
    }
    for writer in writing {
        soon(writer).await.expect("no task panics");
    }
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    org.raise("team-2", "after the kill").await;
    let mut watch = org.watch(token).await;
    seen.extend(read_until(&mut watch, org.revision().await).await);
    assert_whole(&seen, 0);
    assert_eq!(seen, org.events().await);
}

async fn e10_a_subtree_is_that_of_the_tree_at_each_event(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let watching = async |top: &str| {
        let request = v1::WatchEventsRequest {
            parent: org.name(),
            subtree: org.node(top),
            ..Default::default()
        };
        let mut watch = org
            .watch_with(request)
            .await
            .expect("the watch is accepted");
        next(&mut watch).await;
        watch
    };
    let mut rail = watching("rail-a").await;
    let mut road = watching("road-a").await;
    let before = org.raise("team-1", "below rail-a").await;
    org.ok(v1::MoveNodeRequest {
        name: org.node("team-1"),
        new_parent: org.node("road-a"),
        ..Default::default()
    })
    .await;
    let after = org.raise("team-1", "below road-a").await;
    org.raise("team-2", "the last below rail-a").await;
    let end = org.revision().await;
    let rail = read_until(&mut rail, end).await;
    let road = read_until(&mut road, end - 1).await;
    assert_eq!(rail[0].blocker, before.name);
    // Both hear of the move itself, which takes from one and gives to the other.
    assert!(rail.iter().any(|event| event.blocker.is_empty()));
    assert!(!rail.iter().any(|event| event.blocker == after.name));
    assert!(road.iter().any(|event| event.blocker.is_empty()));
    assert!(road.iter().any(|event| event.blocker == after.name));
    assert!(!road.iter().any(|event| event.blocker == before.name));
    let nowhere = v1::WatchEventsRequest {
        parent: org.name(),
        subtree: org.node("nowhere"),
        ..Default::default()
    };
    refused(
        org.watch_with(nowhere).await,
        Code::NotFound,
        ErrorReason::NotFound,
    );
}

fn resuming(org: &Org, token: &str) -> v1::WatchEventsRequest {
    v1::WatchEventsRequest {
        parent: org.name(),
        resume_token: token.to_owned(),
        ..Default::default()
    }
}

async fn e10_tokens_of_another_history_are_refused(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let other = Org::named(&server, "other");
    other.apply_sample().await;
    let token = beginning(&org).await;
    let foreign = other.watch_with(resuming(&other, &token)).await;
    refused(
        foreign,
        Code::FailedPrecondition,
        ErrorReason::ForeignResumeToken,
    );
    // As after a restore: the organization is the same, its history another.
    let clock = server.clock().clone();
    server.stop().await;
    database
        .execute("UPDATE organization_head SET epoch = 'restored' WHERE organization = 'acme'")
        .await;
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    let foreign = org.watch_with(resuming(&org, &token)).await;
    refused(
        foreign,
        Code::FailedPrecondition,
        ErrorReason::ForeignResumeToken,
    );
    let mut watch = org.watch(beginning(&org).await).await;
    let end = org.revision().await;
    assert_eq!(read_until(&mut watch, end).await, org.events().await);
}

async fn e10_tokens_from_the_future_and_nonsense_are_refused(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let future = altered(&beginning(&org).await, |_| 1000);
    let refusal = org.watch_with(resuming(&org, &future)).await;
    refused(refusal, Code::OutOfRange, ErrorReason::FutureRevision);
    let list = org
        .call(v1::ListEventsRequest {
            parent: org.name(),
            after_revision: 1000,
            ..Default::default()
        })
        .await;
    refused(list, Code::OutOfRange, ErrorReason::FutureRevision);
    let good = beginning(&org).await;
    let negative = altered(&good, |_| -1);
    for nonsense in ["nonsense", "%%%", &good[1..], &negative] {
        let refusal = org.watch_with(resuming(&org, nonsense)).await;
        let status = refused(
            refusal,
            Code::InvalidArgument,
            ErrorReason::InvalidResumeToken,
        );
        assert_eq!(faults(&status)[0].0, "resume_token", "{nonsense}");
    }
}

async fn e10_a_silent_watch_has_a_heartbeat(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let request = |seconds| v1::WatchEventsRequest {
        heartbeat: span(std::time::Duration::from_secs(seconds)),
        ..resuming(&org, "")
    };
    for seconds in [0, 601] {
        let refusal = org.watch_with(request(seconds)).await;
        refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    }
    let mut watch = org
        .watch_with(request(1))
        .await
        .expect("the watch is accepted");
    let begun = next(&mut watch).await;
    let beat = next(&mut watch).await;
    assert_eq!(beat.events, []);
    assert_eq!(
        (&beat.resume_token, beat.revision),
        (&begun.resume_token, begun.revision)
    );
    // It goes on, and its token is good.
    org.raise("team-1", "no test data").await;
    assert_eq!(next(&mut watch).await.events.len(), 1);
    let mut again = org.watch(beat.resume_token).await;
    assert_eq!(next(&mut again).await.events.len(), 1);
}

async fn e10_a_watcher_that_does_not_read_stalls_nobody(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let token = beginning(&org).await;
    // A connection of its own: those that read must not wait for its flow control.
    let address = format!("http://{}", server.address());
    let endpoint = tonic::transport::Endpoint::from_shared(address).expect("an address is good");
    let lazy = Org::over(endpoint.connect_lazy(), "acme");
    let mut unread = lazy.watch(token.clone()).await;
    let mut read = org.watch(token).await;
    // More than any window and buffer in between holds.
    for round in 0..24 {
        let raises = (0..8).map(|number| {
            let org = org.clone();
            async move {
                org.raise_with(v1::Blocker {
                    origin: org.node("team-1"),
                    title: format!("number {round}/{number}"),
                    description: "x".repeat(9_000),
                    ..Default::default()
                })
                .await
            }
        });
        together(raises).await;
    }
    let end = org.revision().await;
    let seen = read_until(&mut read, end).await;
    assert_whole(&seen, 0);
    // The other one is slow, not lost: within the server's patience it may still read all.
    assert_eq!(read_until(&mut unread, end).await, seen);
}

async fn e10_a_list_ends_with_whole_revisions_and_a_token_to_go_on_with(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for (node, ..) in NODES {
        org.raise(node, "something").await;
        org.meet(node).await;
    }
    let all = org.events().await;
    assert_whole(&all, 0);
    let rail = org.node("rail-a");
    let mut tokens = Vec::new();
    for page_size in [1, 4, 1000] {
        for top in [None, Some(&rail)] {
            let mut request = v1::ListEventsRequest {
                parent: org.name(),
                subtree: top.cloned().unwrap_or_default(),
                page_size,
                ..Default::default()
            };
            let mut listed: Vec<v1::Event> = Vec::new();
            loop {
                let page = org.ok(request.clone()).await;
                if let (Some(first), Some(last)) = (page.events.first(), listed.last()) {
                    assert!(first.revision > last.revision, "a revision was split");
                }
                listed.extend(page.events);
                if page.next_page_token.is_empty() {
                    tokens.push(page.resume_token);
                    break;
                }
                request.page_token = page.next_page_token;
            }
            let expected = top.map_or_else(|| all.iter().collect(), |top| about(&all, top));
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected);
        }
    }
    // The token goes on after the last page, whether the end was about the subtree or not.
    let comment = v1::CommentOnBlockerRequest {
        name: org.blocker(1),
        text: "the next event".to_owned(),
        ..Default::default()
    };
    let event = org.ok(comment).await.event.expect("a comment answers");
    for token in tokens {
        let mut watch = org.watch(token).await;
        assert_eq!(next(&mut watch).await.events, std::slice::from_ref(&event));
    }
}

async fn e10_a_page_of_long_texts_stays_within_what_clients_take(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let start = org.revision().await;
    for number in 0..60 {
        org.raise_with(v1::Blocker {
            origin: org.node(TEAMS[0]),
            title: format!("long {number}"),
            description: "\u{1f6a7}".repeat(10_000),
            ..Default::default()
        })
        .await;
    }
    let (mut events, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let page = org
            .ok(v1::ListEventsRequest {
                parent: org.name(),
                after_revision: start,
                page_size: 1000,
                page_token,
                ..Default::default()
            })
            .await;
        let bytes: usize = page.events.iter().map(prost::Message::encoded_len).sum();
        assert!(bytes < 2 * 1024 * 1024, "a page has {bytes} bytes");
        events.extend(page.events);
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(pages > 1, "2.4 MB came in one page");
    assert_whole(&events, start);
}

async fn e10_a_new_epoch_refuses_tokens_that_the_new_history_has_grown_past(
    database: TestDatabase,
) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let token = org
        .ok(v1::ListEventsRequest {
            parent: org.name(),
            ..Default::default()
        })
        .await
        .resume_token;
    server.stop().await;
    let store = database.open_store().await;
    assert_eq!(store.begin_epochs().await.expect("it is written"), 1);
    // Dropping it lets go of an SQLite file.
    drop(store);
    let server = TestServer::start(&database).await;
    let org = org.through(&server);
    org.raise(TEAMS[0], "one more").await;
    let mut client = server.events();
    let refused = client
        .watch_events(v1::WatchEventsRequest {
            parent: org.name(),
            resume_token: token,
            ..Default::default()
        })
        .await
        .expect_err("the token is of another history");
    assert_eq!(reason(&refused), "FOREIGN_RESUME_TOKEN");
}
