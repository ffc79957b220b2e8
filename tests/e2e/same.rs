//! One history is one history: on both databases, and through one server or three.

use std::collections::BTreeSet;

use echelon_api::v1;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;

use crate::support::{history::History, history::Outcome, log::assert_whole};

on_both!(e8_a_history_gives_the_same_events_on_both_databases_and_through_three_servers);

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
        // Equal messages have equal bytes, maps included: the logs are the same, byte by byte.
        assert_eq!(our.encode_to_vec(), their.encode_to_vec());
    }
    assert_eq!(
        (ours.0.len(), ours.1.len()),
        (theirs.0.len(), theirs.1.len())
    );
}

/// The calls that change something, by their requests, and have not succeeded in a history.
fn untried(outcomes: &[Outcome]) -> Vec<String> {
    let tried: BTreeSet<&str> = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.is_ok())
        .filter_map(|(request, _)| request.rsplit("::").next())
        .collect();
    let files = prost_types::FileDescriptorSet::decode(echelon_api::DESCRIPTORS)
        .expect("the descriptors decode")
        .file;
    // What takes a request_id changes something. Every history begins with an organization.
    let requests = files.iter().flat_map(|file| &file.message_type);
    requests
        .filter(|request| {
            request.name().ends_with("Request")
                && request.name() != "CreateOrganizationRequest"
                && request
                    .field
                    .iter()
                    .any(|field| field.name() == "request_id")
                && !tried.contains(request.name())
        })
        .map(|request| request.name().to_owned())
        .collect()
}

async fn e8_a_history_gives_the_same_events_on_both_databases_and_through_three_servers(
    database: TestDatabase,
) {
    let ours = played(&database, 1).await;
    assert!(ours.0.len() > STEPS, "only {} events", ours.0.len());
    assert_eq!(
        untried(&ours.1),
        Vec::<String>::new(),
        "calls that the history never makes with success"
    );
    // SQLite serves one server; PostgreSQL several, which are compared with one on SQLite.
    match database.kind() {
        DatabaseKind::Sqlite => {
            let postgres = TestDatabase::postgres().await;
            assert_same(&ours, &played(&postgres, 1).await);
        }
        DatabaseKind::Postgres => {
            let other = TestDatabase::postgres().await;
            assert_same(&ours, &played(&other, 3).await);
        }
    }
}
