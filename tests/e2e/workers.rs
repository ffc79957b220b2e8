//! The workers, running by themselves as they do in production.

use std::time::{Duration, Instant};

use echelon_api::v1::{self, BlockerChange};
use echelon_domain::{OrganizationId, Timestamp};
use echelon_server::{
    Background, Running, Server, clock::Clock, clock::ManualClock, config::Config,
};
use echelon_store::DatabaseKind;
use echelon_testkit::{START, TestDatabase, TestServer, on_both};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::support::{Org, log::changes, log::time, soon};

on_both!(
    e4_a_due_escalation_happens_within_a_second,
    e4_what_a_server_that_died_left_is_taken_up_by_the_next,
    e4_an_organization_that_cannot_be_loaded_holds_up_no_other,
    e4_a_blocker_whose_timer_fails_holds_up_no_other,
    e9_what_drifts_is_put_right_in_the_background,
);

/// A server whose workers run, on a clock that a test moves.
pub(crate) struct Working {
    running: Running,
    pub(crate) clock: ManualClock,
    shutdown: CancellationToken,
}

impl Working {
    pub(crate) async fn start(database: &TestDatabase, clock: ManualClock) -> Self {
        Self::auditing(database, clock, Duration::ZERO).await
    }

    /// One that holds its counters against a recount as often.
    async fn auditing(
        database: &TestDatabase,
        clock: ManualClock,
        audit_interval: Duration,
    ) -> Self {
        let shutdown = CancellationToken::new();
        let server = Server {
            config: Config {
                database: database.url().to_owned(),
                max_connections: 4,
                audit_interval,
                ..Config::default()
            },
            listener: TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port is free"),
            http_listener: None,
            clock: Clock::Manual(clock.clone()),
            shutdown: shutdown.clone(),
            background: Background::Runs,
        };
        Self {
            running: server.start().await.expect("the server starts"),
            clock,
            shutdown,
        }
    }

    pub(crate) fn org(&self) -> Org {
        let address = format!("http://{}", self.running.address());
        let endpoint = Endpoint::from_shared(address).expect("an address makes an endpoint");
        Org::over(endpoint.connect_lazy(), "acme")
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        soon(self.running.wait()).await.expect("it ends well");
    }
}

/// Waits for a blocker to be escalated, and tells how long that took.
async fn escalated(org: &Org, watch: &mut tonic::Streaming<v1::WatchEventsResponse>) -> Duration {
    let begun = Instant::now();
    loop {
        let message = soon(watch.message()).await.expect("the watch goes on");
        let events = message.expect("the watch goes on").events;
        if changes(&events)
            .iter()
            .any(|change| change.kind == BlockerChange::Escalated)
        {
            assert!(org.revision().await >= events[0].revision);
            return begun.elapsed();
        }
    }
}

async fn e4_a_due_escalation_happens_within_a_second(database: TestDatabase) {
    let server = Working::start(&database, ManualClock::new(START)).await;
    let org = server.org();
    org.apply_sample().await;
    let blocker = org.raise("team-1", "no test data").await;
    let mut watch = org.watch(String::new()).await;
    let due: Timestamp = time(blocker.escalation_time.as_ref());
    server.clock.set(due);
    let took = escalated(&org, &mut watch).await;
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert_eq!(org.get(&blocker.name).await.holder, org.node("rail-a"));
    drop(watch);
    server.stop().await;
}

async fn e4_what_a_server_that_died_left_is_taken_up_by_the_next(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    let clock = server.clock().clone();
    server.kill().await;
    clock.set(time(blocker.escalation_time.as_ref()));
    // Nobody asks the new one for anything: it finds what is due by itself.
    let server = Working::start(&database, clock).await;
    let store = server.running.app().store().clone();
    let passed = soon(async {
        loop {
            let due = store.due_organizations(server.clock.now()).await;
            if due.expect("the database can be read").is_empty() {
                let id = OrganizationId::new("organization", "acme").expect("an id");
                let head = store.head(&id).await.expect("the database can be read");
                return head.expect("there is one").revision;
            }
            tokio::task::yield_now().await;
        }
    });
    // The database may show the move a moment before the server does.
    let request = v1::GetBlockerRequest {
        name: blocker.name.clone(),
        min_revision: passed.await,
    };
    let org = server.org();
    let moved = org.ok(request).await.blocker.expect("it is there");
    assert_eq!(moved.holder, org.node("rail-a"));
    server.stop().await;
}

async fn e4_an_organization_that_cannot_be_loaded_holds_up_no_other(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let damaged = Org::named(&server, "aaa");
    damaged.apply_sample().await;
    damaged.raise("team-1", "no test data").await;
    let org = Org::named(&server, "acme");
    org.apply_sample().await;
    let blocker = org.raise("team-1", "no test data").await;
    let clock = server.clock().clone();
    server.kill().await;
    database
        .execute("UPDATE blocker SET state = 'NONSENSE' WHERE organization = 'aaa'")
        .await;
    clock.set(time(blocker.escalation_time.as_ref()));
    let server = Working::start(&database, clock).await;
    let org = server.org();
    let mut watch = org.watch(String::new()).await;
    while org.get(&blocker.name).await.holder != org.node("rail-a") {
        soon(watch.message())
            .await
            .expect("the watch goes on")
            .expect("the watch goes on");
    }
    server.stop().await;
}

/// A change of the second blocker fails, whatever it is.
async fn poison(database: &TestDatabase) {
    let statements: &[&str] = match database.kind() {
        DatabaseKind::Sqlite => &[
            "CREATE TRIGGER poison BEFORE UPDATE ON blocker WHEN NEW.number = 2 \
             BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
        ],
        DatabaseKind::Postgres => &[
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.number = 2 THEN RAISE EXCEPTION 'poisoned' USING ERRCODE = '23514'; END IF; \
             RETURN NEW; END $$",
            "CREATE TRIGGER poison BEFORE UPDATE ON blocker FOR EACH ROW EXECUTE FUNCTION poison()",
        ],
    };
    for statement in statements {
        database.execute(statement).await;
    }
}

async fn e4_a_blocker_whose_timer_fails_holds_up_no_other(database: TestDatabase) {
    let server = Working::start(&database, ManualClock::new(START)).await;
    let org = server.org();
    org.apply_sample().await;
    let mut last = org.raise("team-1", "number 1").await;
    for number in 2..=9 {
        last = org.raise("team-1", &format!("number {number}")).await;
    }
    poison(&database).await;
    let mut watch = org.watch(String::new()).await;
    server.clock.set(time(last.escalation_time.as_ref()));
    let mut moved = Vec::new();
    let mut collect = async |count| {
        while moved.len() < count {
            let message = soon(watch.message()).await.expect("the watch goes on");
            let events = message.expect("the watch goes on").events;
            let changes = changes(&events).into_iter();
            let escalated = changes.filter(|change| change.kind == BlockerChange::Escalated);
            moved.extend(escalated.map(|change| change.blocker));
        }
        moved.sort_unstable();
        moved.clone()
    };
    let others = [1, 3, 4, 5, 6, 7, 8, 9].map(|number| org.blocker(number));
    assert_eq!(collect(8).await, others);
    // It is shown, and nothing else is.
    let stuck = soon(async {
        loop {
            let stuck = server.running.app().stuck();
            if !stuck.is_empty() {
                return stuck;
            }
            tokio::task::yield_now().await;
        }
    });
    let stuck = stuck.await;
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    assert_eq!(stuck[0].blocker.map(|number| number.get()), Some(2));
    assert_eq!(org.get(&org.blocker(2)).await.holder, org.node("team-1"));
    // Once its cause is gone it goes on by itself.
    let on = match database.kind() {
        DatabaseKind::Sqlite => "",
        DatabaseKind::Postgres => "ON blocker",
    };
    database.execute(&format!("DROP TRIGGER poison {on}")).await;
    assert_eq!(collect(9).await.len(), 9);
    assert_eq!(org.get(&org.blocker(2)).await.holder, org.node("rail-a"));
    let released = soon(async {
        while !server.running.app().stuck().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    released.await;
    drop(watch);
    server.stop().await;
}

async fn e9_what_drifts_is_put_right_in_the_background(database: TestDatabase) {
    let often = Duration::from_millis(50);
    let server = Working::auditing(&database, ManualClock::new(START), often).await;
    let org = server.org();
    org.apply_sample().await;
    org.raise("team-1", "no test data").await;
    let mut watch = org.watch(String::new()).await;
    let id = OrganizationId::new("organization", "acme").expect("it is an id");
    let folded = server.running.app().store().fold_counters(&id).await;
    folded.expect("it is folded");
    database
        .execute("UPDATE node_counter SET unowned = 7 WHERE node = 'rail'")
        .await;
    let repaired = loop {
        let message = soon(watch.message()).await.expect("the watch goes on");
        let events = message.expect("the watch goes on").events;
        if let [event] = events.as_slice() {
            break event.clone();
        }
    };
    assert!(matches!(
        repaired.payload,
        Some(v1::event::Payload::CountersRepaired(_))
    ));
    assert_eq!(org.revision().await, repaired.revision);
    server.stop().await;
}
