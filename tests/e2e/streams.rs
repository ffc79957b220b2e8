//! Event streams: what is exported and imported is the same organization, and what does not fit is refused.

mod fuzz;
mod imported;
mod refused;
mod round_trip;
pub(crate) mod sample;

use std::{
    io::Cursor,
    sync::{Arc, Mutex},
};

use echelon_domain::OrganizationId;
use echelon_server::{
    check::check_all,
    stream::{self, ImportError, Imported, OnProgress},
};
use echelon_store::Bulk;
use echelon_testkit::{START, TestDatabase};

fn acme() -> OrganizationId {
    OrganizationId::new("organization", "acme").expect("it is an id")
}

/// Tells nobody.
fn quietly() -> OnProgress {
    Box::new(|_| {})
}

/// The stream of an organization of a database that no server has open.
async fn export(database: &TestDatabase, id: &OrganizationId) -> Vec<u8> {
    let store = database.open_store().await;
    let mut out = Vec::new();
    let exported = stream::export(&store, id, START, &mut out, &mut quietly()).await;
    exported.expect("what exists can be exported");
    store.close().await.expect("nothing runs any more");
    out
}

/// Imports a stream, and gives what is durable after it.
async fn import(
    database: &TestDatabase,
    bytes: Vec<u8>,
) -> (Vec<Imported>, Result<(), ImportError>) {
    let bulk = Bulk::open(&database.options()).await;
    let mut bulk = bulk.expect("a test's own database opens");
    let durable = Arc::new(Mutex::new(Vec::new()));
    let seen = durable.clone();
    let outcome = stream::import(&mut bulk, Cursor::new(bytes), quietly(), move |imported| {
        seen.lock().expect("nobody panicked").push(imported.clone());
    })
    .await;
    bulk.close().await.expect("nothing runs any more");
    let durable = durable.lock().expect("nobody panicked").clone();
    (durable, outcome)
}

/// Imports a stream that must fit, and checks what came of it against the guarantees.
async fn import_whole(database: &TestDatabase, bytes: Vec<u8>) -> Vec<Imported> {
    let (durable, outcome) = import(database, bytes).await;
    outcome.expect("the stream fits");
    let store = database.open_store().await;
    for finding in check_all(&store).await.expect("the database can be read") {
        assert_eq!(finding.violations, [], "{}", finding.organization);
    }
    store.close().await.expect("nothing runs any more");
    durable
}
