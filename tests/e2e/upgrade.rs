//! Replicas are replaced one by one: an old one serves beside a new one for as long as it understands what it reads, and
//! refuses what it does not. What earlier releases have left is brought up to date.

pub(crate) mod recorded;

use echelon_api::v1::{self, ErrorReason};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;
use tonic::Code;

use crate::support::{Org, assert_sound, refusal::refused};

on_both!(
    a_newer_schema_that_needs_no_more_is_served,
    a_newer_schema_that_needs_more_is_no_longer_served,
    e9_an_event_that_is_not_understood_is_not_folded,
);

/// A migration of a version that is still to come.
const LATER: &str = "m29991231_000001_later";

/// What a later version does to a schema: it adds, and an older version goes on.
async fn expand(database: &TestDatabase) {
    for sql in [
        "ALTER TABLE blocker ADD COLUMN novelty bigint NOT NULL DEFAULT 7",
        "CREATE TABLE novelty (organization text PRIMARY KEY)",
        &format!("INSERT INTO seaql_migrations VALUES ('{LATER}', 0)"),
    ] {
        database.execute(sql).await;
    }
}

async fn contract(database: &TestDatabase) {
    let needs = format!("UPDATE schema_compatibility SET needs = '{LATER}'");
    database.execute(&needs).await;
}

async fn a_newer_schema_that_needs_no_more_is_served(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise("team-1", "before").await;
    expand(&database).await;
    org.raise("team-1", "while it runs").await;
    server.stop().await;
    let server = TestServer::start(&database).await;
    let org = org.through(&server);
    let blocker = org.raise("team-1", "after").await;
    org.resolve(&blocker.name).await;
    assert_sound(&server).await;
}

async fn a_newer_schema_that_needs_more_is_no_longer_served(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    expand(&database).await;
    contract(&database).await;
    // What is at work goes on; nothing else begins.
    org.raise("team-1", "no test data").await;
    let other = Org::named(&server, "other");
    let request = v1::CreateOrganizationRequest {
        organization_id: "other".to_owned(),
        ..Default::default()
    };
    let refusal = refused(
        other.call(request).await,
        Code::Unavailable,
        ErrorReason::Unavailable,
    );
    assert!(refusal.message().contains("newer version"), "{refusal:?}");
    let unready = server.app().store().check_served().await;
    let unready = unready.expect_err("it may not serve").to_string();
    assert!(unready.contains(LATER), "{unready}");
}

/// An event of a later version, of a kind that is not known here.
fn foreign(org: &Org, revision: i64) -> Vec<u8> {
    let event = v1::Event {
        organization: org.name(),
        revision,
        time: Some(prost_types::Timestamp {
            seconds: 1_793_606_500,
            nanos: 0,
        }),
        ..Default::default()
    };
    let mut bytes = event.encode_to_vec();
    prost::encoding::string::encode(99, &"a later kind".to_owned(), &mut bytes);
    bytes
}

async fn e9_an_event_that_is_not_understood_is_not_folded(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    let events = database.rows("event").await;
    let revision = org.revision().await + 1;
    let bytes: String = foreign(&org, revision)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let bytes = match database.kind() {
        echelon_store::DatabaseKind::Sqlite => format!("x'{bytes}'"),
        echelon_store::DatabaseKind::Postgres => format!("'\\x{bytes}'::bytea"),
    };
    for sql in [
        format!(
            "INSERT INTO event (organization, revision, position, at_us, kind, payload) \
             VALUES ('acme', {revision}, 0, 1793606500000000, 'LATER', {bytes})"
        ),
        format!("UPDATE organization_head SET revision = {revision}"),
    ] {
        database.execute(&sql).await;
    }
    // However often it is asked: it does not take the tables for what it would have made of the event itself.
    for _ in 0..3 {
        let request = v1::ResolveBlockerRequest {
            name: blocker.name.clone(),
            ..Default::default()
        };
        let answer = org.call(request).await;
        let refusal = refused(answer, Code::Unavailable, ErrorReason::Unavailable);
        assert!(
            refusal.message().contains("ask another server"),
            "{refusal:?}"
        );
    }
    assert_eq!(
        database.rows("event").await,
        events + 1,
        "nothing was written"
    );
    // Of what it understood it still tells.
    assert_eq!(org.get(&blocker.name).await, blocker);
}
