//! There and back again: nothing is lost, and the service goes on where it was.

use echelon_api::v1;
use echelon_domain::OrganizationId;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};

use super::{acme, export, import, import_whole};
use crate::support::{DAY, Org, assert_sound, history::History, refusal::reason, soon};
use echelon_server::stream::ImportError;

on_both!(
    e8_e9_a_history_moves_to_the_other_database_and_back,
    e9_e10_a_server_goes_on_where_the_stream_ends,
    an_organization_that_exists_is_refused_and_left_alone,
    several_organizations_move_in_one_stream,
);

const STEPS: usize = 300;

fn other(database: &TestDatabase) -> DatabaseKind {
    match database.kind() {
        DatabaseKind::Sqlite => DatabaseKind::Postgres,
        DatabaseKind::Postgres => DatabaseKind::Sqlite,
    }
}

async fn new(kind: DatabaseKind) -> TestDatabase {
    match kind {
        DatabaseKind::Sqlite => TestDatabase::sqlite().await,
        DatabaseKind::Postgres => TestDatabase::postgres().await,
    }
}

/// Header and trailer hold no bytes of events: what is compared is all between them, and the checksum.
async fn e8_e9_a_history_moves_to_the_other_database_and_back(database: TestDatabase) {
    for seed in [8, 9] {
        let source = new(database.kind()).await;
        let servers = [TestServer::start(&source).await];
        let mut history = History::begin(&servers, seed).await;
        history.run(STEPS).await;
        for server in servers {
            server.stop().await;
        }
        let first = export(&source, &acme()).await;
        let there = new(other(&database)).await;
        import_whole(&there, first.clone()).await;
        let second = export(&there, &acme()).await;
        assert!(first == second, "the stream of the other database differs");
        let back = new(database.kind()).await;
        import_whole(&back, second).await;
        assert!(
            first == export(&back, &acme()).await,
            "the way back differs"
        );
    }
}

async fn e9_e10_a_server_goes_on_where_the_stream_ends(database: TestDatabase) {
    let source = new(other(&database)).await;
    let server = TestServer::start(&source).await;
    let org = Org::set_up(&server).await;
    for number in 0..30 {
        let blocker = org.raise("team-1", &format!("number {number}")).await;
        if number % 3 == 0 {
            org.resolve(&blocker.name).await;
        }
    }
    org.open("team-1").await;
    let token = {
        let mut events = org.watch(String::new()).await;
        org.raise("team-2", "the last one").await;
        let answer = soon(events.message()).await.expect("the watch is open");
        answer.expect("an event comes").resume_token
    };
    let before = org.events().await;
    let figures = org.figures("acme").await;
    let clock = server.clock().clone();
    server.stop().await;

    let imported = import_whole(&database, export(&source, &acme()).await).await;
    assert_eq!(imported.len(), 1);
    assert_eq!(imported[0].events as usize, before.len());
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = Org::named(&server, "acme");
    assert_eq!(org.events().await, before);
    assert_eq!(org.figures("acme").await, figures);
    let watch = v1::WatchEventsRequest {
        parent: org.name(),
        resume_token: token,
        ..Default::default()
    };
    let refused = org.watch_with(watch).await.expect_err("another history");
    assert_eq!(reason(&refused), "FOREIGN_RESUME_TOKEN");
    // Escalation goes on, numbers go on.
    let next = org.raise("team-3", "after the move").await;
    assert_eq!(next.name, org.blocker(32));
    assert!(server.advance_and_pass(DAY * 30).await > 0);
    let moved = org.get(&org.blocker(2)).await;
    assert_ne!(moved.holder, org.node("team-1"), "{moved:?}");
    assert_sound(&server).await;
    server.stop().await;
}

async fn an_organization_that_exists_is_refused_and_left_alone(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    Org::set_up(&server).await;
    server.stop().await;
    let stream = export(&database, &acme()).await;
    let (durable, outcome) = import(&database, stream.clone()).await;
    let error = outcome.expect_err("it exists");
    assert!(matches!(&error, ImportError::Exists(id) if *id == acme()));
    assert!(error.to_string().contains("exists"), "{error}");
    assert_eq!(durable, []);
    assert!(stream == export(&database, &acme()).await);
}

async fn several_organizations_move_in_one_stream(database: TestDatabase) {
    let id = |name: &str| OrganizationId::new("organization", name).expect("it is an id");
    let source = new(other(&database)).await;
    let server = TestServer::start(&source).await;
    for name in ["alpha", "beta"] {
        let org = Org::named(&server, name);
        org.apply_sample().await;
        org.raise("team-1", name).await;
    }
    server.stop().await;
    let alpha = export(&source, &id("alpha")).await;
    let beta = export(&source, &id("beta")).await;
    // The second one breaks off: the first one is there.
    let cut = [&alpha[..], &beta[..beta.len() - 3]].concat();
    let (durable, outcome) = import(&database, cut).await;
    let error = outcome.expect_err("it is cut").to_string();
    assert!(error.contains("in the middle of it"), "{error}");
    assert_eq!(durable.len(), 1);
    assert_eq!(durable[0].organization, id("alpha"));
    // Beside it the second one fits.
    let durable = import_whole(&database, beta.clone()).await;
    assert_eq!(durable.len(), 1);
    assert!(alpha == export(&database, &id("alpha")).await);
    assert!(beta == export(&database, &id("beta")).await);
}
