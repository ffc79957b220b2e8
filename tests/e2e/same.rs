//! One history is one history: on both databases, and through one server or several.

use echelon_api::v1;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};

use crate::support::{history::History, history::Outcome, log::assert_whole};

on_both!(e8_a_history_gives_the_same_events_on_both_databases_and_through_two_servers);

const STEPS: usize = 300;

/// Plays the history, and gives every event and every answer.
async fn played(database: &TestDatabase, servers: usize) -> (Vec<v1::Event>, Vec<Outcome>) {
    let mut running = vec![TestServer::start(database).await];
    while running.len() < servers {
        let clock = running[0].clock().clone();
        running.push(TestServer::start_with(database, clock, |_| {}).await);
    }
    let mut history = History::begin(&running, 8).await;
    history.run(STEPS).await;
    let events = history.org().events().await;
    assert_whole(&events, 0);
    (events, history.outcomes)
}

fn assert_same(ours: &(Vec<v1::Event>, Vec<Outcome>), theirs: &(Vec<v1::Event>, Vec<Outcome>)) {
    for (index, (our, their)) in ours.1.iter().zip(&theirs.1).enumerate() {
        assert_eq!(our, their, "call {index} is answered differently");
    }
    for (our, their) in ours.0.iter().zip(&theirs.0) {
        assert_eq!(our, their);
    }
    assert_eq!(
        (ours.0.len(), ours.1.len()),
        (theirs.0.len(), theirs.1.len())
    );
}

async fn e8_a_history_gives_the_same_events_on_both_databases_and_through_two_servers(
    database: TestDatabase,
) {
    let ours = played(&database, 1).await;
    assert!(ours.0.len() > STEPS, "only {} events", ours.0.len());
    // SQLite serves one server; PostgreSQL several, which are compared with one on SQLite.
    match database.kind() {
        DatabaseKind::Sqlite => {
            let postgres = TestDatabase::postgres().await;
            assert_same(&ours, &played(&postgres, 1).await);
        }
        DatabaseKind::Postgres => {
            let other = TestDatabase::postgres().await;
            assert_same(&ours, &played(&other, 2).await);
        }
    }
}
