//! The SDK over several servers: what it does when one of them dies under its calls and watches.

use std::{collections::BTreeSet, time::Duration};

use echelon_api::v1::{self, BlockerChange};
use echelon_client::{
    Client, Consistency, Error, EventWatch, Options, Start, Update, Updates, names,
};
use echelon_testkit::{TestDatabase, TestServer};
use tokio_stream::StreamExt as _;

use crate::support::{Org, assert_sound, log::changes, soon, together};

/// Writers, and what each of them writes.
const WRITERS: usize = 6;
const WRITES: usize = 12;

fn client(servers: &[&TestServer]) -> Client {
    let address = |server: &&TestServer| format!("http://{}", server.address());
    let options = Options {
        addresses: servers.iter().map(address).collect(),
        deadline: Duration::from_secs(30),
        consistency: Consistency::ReadYourWrites,
        ..Options::default()
    };
    Client::connect_lazy(options).expect("the options are good")
}

async fn raise(client: &Client, title: String) -> Result<v1::RaiseBlockerResponse, Error> {
    let request = v1::RaiseBlockerRequest {
        parent: names::organization("acme"),
        blocker: Some(v1::Blocker {
            origin: names::node("acme", "team-1"),
            title,
            ..Default::default()
        }),
        ..Default::default()
    };
    let raise =
        |client: Client, request| async move { client.blockers().raise_blocker(request).await };
    client.retry(request, raise).await
}

/// Raises one blocker after the other, and reads each back.
async fn write_and_read(client: Client, writer: usize) -> Vec<String> {
    let mut written = Vec::new();
    for number in 0..WRITES {
        let title = format!("{writer}/{number}");
        let raised = raise(&client, title.clone())
            .await
            .expect("somebody takes it");
        let name = raised
            .blocker
            .expect("a raise answers with the blocker")
            .name;
        let request = v1::GetBlockerRequest {
            name: name.clone(),
            min_revision: 0,
        };
        let get =
            |client: Client, request| async move { client.blockers().get_blocker(request).await };
        let found = client
            .retry(request, get)
            .await
            .expect("what was written is read");
        assert!(found.revision >= raised.revision);
        assert_eq!(
            found.blocker.map(|blocker| blocker.title),
            Some(title.clone())
        );
        written.push(name);
    }
    written
}

async fn write_all(client: Client) -> Vec<String> {
    let writers = (0..WRITERS).map(|writer| write_and_read(client.clone(), writer));
    together(writers).await.concat()
}

/// The names of the blockers raised, until there are so many.
async fn raised(mut updates: Updates<v1::WatchEventsResponse>, count: usize) -> Vec<String> {
    let (mut names, mut last) = (Vec::new(), (0, 0));
    while names.len() < count {
        let update = soon(updates.next()).await.expect("a watch does not end");
        let Update::Message(message) = update.expect("the watch goes on") else {
            continue;
        };
        for event in &message.events {
            let place = (event.revision, event.index);
            assert!(place > last, "an event comes once, in order");
            last = place;
        }
        let raised = changes(&message.events).into_iter();
        let raised = raised.filter(|change| change.kind == BlockerChange::Raised);
        names.extend(raised.map(|change| change.blocker));
    }
    names
}

/// How many blockers are open, as a watch tells it, until there are so many.
async fn open(mut updates: Updates<v1::Rollup>, count: i64) -> Vec<i64> {
    let (mut open, mut last) = (Vec::new(), 0);
    while open.last() != Some(&count) {
        let update = soon(updates.next()).await.expect("a watch does not end");
        if let Update::Message(rollup) = update.expect("the watch goes on") {
            assert!(
                rollup.revision >= last,
                "nothing older comes after a reconnect"
            );
            last = rollup.revision;
            open.push(rollup.figures.expect("a roll-up has figures").open);
        }
    }
    open
}

fn watches(client: &Client) -> (Updates<v1::WatchEventsResponse>, Updates<v1::Rollup>) {
    let events = client.watch_events(EventWatch {
        organization: names::organization("acme"),
        subtree: None,
        start: Start::After(0),
        // While their workers do not run, it is what makes servers look at what others write.
        heartbeat: Some(Duration::from_secs(1)),
    });
    (events, client.watch_rollup(names::node("acme", "acme")))
}

/// Writes and watches go on while servers are killed one by one, as far as one is left.
async fn run(client: Client, servers: Vec<TestServer>) {
    let total = WRITERS * WRITES;
    let (events, rollups) = watches(&client);
    let events = tokio::spawn(raised(events, total));
    let all_open = i64::try_from(total).expect("it is small");
    let rollups = tokio::spawn(open(rollups, all_open));
    let written = tokio::spawn(write_all(client.clone()));
    for (number, server) in servers.into_iter().enumerate() {
        let share = i64::try_from(total / 4 * (number + 1)).expect("it is small");
        let reached = async {
            while client.newest_revision("acme") < share {
                tokio::task::yield_now().await;
            }
        };
        soon(reached).await;
        server.kill().await;
    }
    let written: Vec<String> = written.await.expect("no task panics");
    let seen = soon(events).await.expect("no task panics");
    assert_eq!(seen.len(), total, "nothing comes twice");
    let (seen, written): (BTreeSet<_>, BTreeSet<_>) =
        (seen.into_iter().collect(), written.into_iter().collect());
    assert_eq!(seen, written, "nothing is lost, and nothing done twice");
    let open = soon(rollups).await.expect("no task panics");
    assert!(open.is_sorted(), "figures never go back: {open:?}");
}

mod postgres {
    use super::*;

    #[tokio::test]
    async fn e7_e10_calls_and_watches_go_on_when_servers_die() {
        let database = TestDatabase::postgres().await;
        let first = TestServer::start(&database).await;
        let clock = first.clock().clone();
        let second = TestServer::start_with(&database, clock.clone(), |_| {}).await;
        let third = TestServer::start_with(&database, clock, |_| {}).await;
        Org::set_up(&first).await;
        let client = client(&[&first, &second, &third]);
        run(client, vec![first, second]).await;
        assert_sound(&third).await;
    }

    #[tokio::test]
    async fn e10_a_rollup_that_was_seen_on_one_server_is_the_least_on_another() {
        let database = TestDatabase::postgres().await;
        let first = TestServer::start(&database).await;
        let second = TestServer::start_with(&database, first.clock().clone(), |_| {}).await;
        let org = Org::set_up(&first).await;
        // The second tells its watchers of the roll-up as it was, and looks at nothing by itself.
        let other = client(&[&second]).watch_rollup(names::node("acme", "acme"));
        let mut other = Box::pin(other);
        soon(other.next())
            .await
            .expect("a watch does not end")
            .expect("it is told");
        let both = client(&[&first, &second]);
        org.raise_many("team-1", 3).await;
        let mut updates = both.watch_rollup(names::node("acme", "acme"));
        let mut seen = Vec::new();
        let mut first = Some(first);
        while seen.len() < 2 {
            let update = soon(updates.next()).await.expect("a watch does not end");
            match update.expect("the watch goes on") {
                Update::Message(rollup) => {
                    seen.push(rollup.figures.expect("it has figures").open);
                    match first.take() {
                        Some(first) => first.kill().await,
                        None => continue,
                    }
                    org.through(&second).raise("team-1", "one more").await;
                }
                Update::Lost { .. } | Update::Resumed => {}
            }
        }
        assert!(seen == [3, 4] || seen == [0, 4], "{seen:?}");
    }
}

mod sqlite {
    use super::*;

    #[tokio::test]
    async fn e7_e10_calls_and_watches_wait_for_a_server_that_comes_back() {
        let database = TestDatabase::sqlite().await;
        let server = TestServer::start(&database).await;
        let (clock, address) = (server.clock().clone(), server.address());
        Org::set_up(&server).await;
        let client = client(&[&server]);
        let (events, _) = watches(&client);
        let events = tokio::spawn(raised(events, WRITERS * WRITES));
        let written = tokio::spawn(write_all(client.clone()));
        let reached = async {
            while client.newest_revision("acme") < 20 {
                tokio::task::yield_now().await;
            }
        };
        soon(reached).await;
        server.kill().await;
        let server = TestServer::start_at(&database, clock, address).await;
        let mut written: Vec<String> = written.await.expect("no task panics");
        let mut seen = soon(events).await.expect("no task panics");
        written.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, written);
        assert_sound(&server).await;
    }
}
