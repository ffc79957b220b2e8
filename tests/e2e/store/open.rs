//! Opening: what cannot be opened says why and what to do.

use std::time::Duration;

use echelon_domain::Error;
use echelon_store::{DatabaseKind, Options, Pooling, Store, StoreError};
use echelon_testkit::{TestDatabase, on_both};

use super::history::{History, raise};

on_both!(
    a_reopened_database_holds_what_was_committed,
    a_newer_schema_is_refused,
    an_empty_database_is_outdated_until_migrated,
    several_may_migrate_at_once,
);

fn options(url: &str) -> Options {
    Options {
        url: url.to_owned(),
        max_connections: 2,
        connect_timeout: Duration::from_secs(5),
        pooling: Pooling::Session,
    }
}

const TABLES: [&str; 15] = [
    "organization_head",
    "node",
    "policy",
    "policy_version",
    "blocker",
    "meeting",
    "node_counter",
    "counter_log",
    "event",
    "request",
    "log_base",
    "log_base_rows",
    "blocker_history",
    "schema_compatibility",
    "seaql_migrations",
];

async fn empty(database: &TestDatabase) {
    for table in TABLES {
        database.execute(&format!("DROP TABLE {table}")).await;
    }
}

async fn a_reopened_database_holds_what_was_committed(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    history.commit_all(&[raise("team-1-1", "still here")]).await;
    history.store.close().await.unwrap();
    // The last handle goes, and the file's lock with it.
    let placeholder = TestDatabase::sqlite().await;
    history.store = placeholder.open_store().await;
    history.store = database.open_store().await;
    history.store.check_schema().await.unwrap();
    history.store.check_served().await.unwrap();
    history.check().await;
}

async fn a_newer_schema_is_refused(database: TestDatabase) {
    let later = "INSERT INTO seaql_migrations VALUES ('m29991231_000001_later', 0)";
    database.execute(later).await;
    let needed = "UPDATE schema_compatibility SET needs = 'm29991231_000001_later'";
    database.execute(needed).await;
    let store = database.open_store().await;
    for refused in [store.migrate().await, store.check_schema().await] {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, StoreError::NewerSchema { migration } if migration == "m29991231_000001_later")
        );
        assert!(error.to_string().contains("run that version"));
        assert!(matches!(Error::from(error), Error::Unavailable { .. }));
    }
}

async fn an_empty_database_is_outdated_until_migrated(database: TestDatabase) {
    empty(&database).await;
    let store = database.open_store().await;
    let error = store.check_schema().await.unwrap_err();
    assert!(
        matches!(error, StoreError::OutdatedSchema { .. }),
        "{error}"
    );
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
}

async fn several_may_migrate_at_once(database: TestDatabase) {
    empty(&database).await;
    let first = database.open_store().await;
    let second = match database.kind() {
        DatabaseKind::Sqlite => first.clone(),
        DatabaseKind::Postgres => database.open_store().await,
    };
    let (a, b) = tokio::join!(first.migrate(), second.migrate());
    a.unwrap();
    b.unwrap();
    first.check_schema().await.unwrap();
}

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused() {
    let database = TestDatabase::sqlite().await;
    let store = database.open_store().await;
    let error = Store::open(&database.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("in use"), "{message}");
    assert!(
        message.contains(&std::process::id().to_string()),
        "{message}"
    );
    let error = Store::open_existing(&database.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(store);
    database.open_store().await;
}

#[tokio::test]
async fn an_unreachable_database_says_so() {
    // A port on the loopback address that nobody listens on any more.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("postgres://echelon:secret@127.0.0.1:{port}/echelon");
    let error = Store::open(&options(&url)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(!error.to_string().contains("secret"));
    assert!(matches!(Error::from(error), Error::Unavailable { .. }));
}

#[tokio::test]
async fn bad_urls_and_files_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    std::fs::write(folder.path().join("text.db"), "no database ".repeat(100)).unwrap();
    for (url, part) in [
        (
            "mysql://x/y".to_owned(),
            "use sqlite://<path> or postgres://",
        ),
        (
            "echelon.db".to_owned(),
            "use sqlite://<path> or postgres://",
        ),
        ("sqlite://".to_owned(), "use sqlite://<path>"),
        ("sqlite://:memory:".to_owned(), "use sqlite://<path>"),
        ("postgres://a:secret@[::/x".to_owned(), "malformed"),
        (
            format!("sqlite://{place}/missing/echelon.db"),
            "folder exists",
        ),
        (format!("sqlite://{place}/text.db"), "no SQLite database"),
    ] {
        let error = Store::open(&options(&url)).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let missing = options(&format!("sqlite://{place}/none.db"));
    let error = Store::open_existing(&missing).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidUrl { .. }), "{error}");
    assert!(!folder.path().join("none.db").exists());
}
