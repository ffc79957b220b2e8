//! Databases that releases have left, as `tests/e2e/fixtures/record.py` recorded them: brought up to date, they hold what the
//! release itself told of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use echelon_api::v1;
use echelon_domain::Timestamp;
use echelon_server::clock::ManualClock;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both, postgres_program};
use prost::Message as _;
use serde_json::Value;

use crate::support::{DAY, Org, assert_sound, log, soon};

on_both!(
    e9_e10_a_database_of_an_earlier_release_is_served_as_it_was_left,
    e4_timers_that_an_earlier_release_has_set_are_passed,
);

/// The schemas that were released, by their newest migration, oldest first.
const RELEASED: [&str; 1] = ["m20261123_000001"];

/// A database of an earlier release.
pub(crate) struct Recorded {
    schema: &'static str,
    /// What the release told of it.
    told: Value,
}

impl Recorded {
    /// All that were recorded, of one kind of database.
    pub(crate) fn all(kind: DatabaseKind) -> Vec<Self> {
        let read = |schema| {
            let told = folder(schema).join(format!("{}.json", name(kind)));
            let told = fs::read(told).expect("a fixture says what it holds");
            Self {
                schema,
                told: serde_json::from_slice(&told).expect("a fixture is whole"),
            }
        };
        RELEASED.into_iter().map(read).collect()
    }

    /// Makes a database what the release has left.
    pub(crate) async fn put_into(&self, database: &TestDatabase) {
        let dump = folder(self.schema).join(format!("{}.sql", name(database.kind())));
        match database.kind() {
            DatabaseKind::Sqlite => {
                let path = database.url().trim_start_matches("sqlite://");
                fs::write(path, "").expect("a test's database is its own");
                let sql = fs::read_to_string(dump).expect("a fixture has a dump");
                database.execute(&sql).await;
            }
            DatabaseKind::Postgres => {
                database
                    .execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                    .await;
                let restored = tokio::process::Command::new(postgres_program("psql"))
                    .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
                    .args(["--dbname", database.url(), "--file"])
                    .arg(dump)
                    .output()
                    .await
                    .expect("psql runs");
                let errors = String::from_utf8_lossy(&restored.stderr);
                assert!(restored.status.success(), "{errors}");
            }
        }
    }

    fn text(&self, field: &str) -> String {
        text(&self.told[field]).to_owned()
    }

    fn blockers(&self) -> impl Iterator<Item = &Value> {
        let blockers = self.told["blockers"].as_array().expect("it has blockers");
        blockers.iter().map(|told| &told["blocker"])
    }

    /// When the release told it.
    fn time(&self) -> Timestamp {
        let time = text(&self.told["rollup"]["rollup"]["as_of_time"]);
        let time: prost_types::Timestamp = time.parse().expect("it is a time");
        log::time(Some(&time))
    }

    async fn serve(&self, database: &TestDatabase) -> (TestServer, Org) {
        self.put_into(database).await;
        let clock = ManualClock::new(self.time());
        let server = TestServer::start_with(database, clock, |_| {}).await;
        let org = Org::named(&server, "acme");
        (server, org)
    }
}

fn folder(schema: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("e2e/fixtures")
        .join(schema)
}

const fn name(kind: DatabaseKind) -> &'static str {
    match kind {
        DatabaseKind::Sqlite => "sqlite",
        DatabaseKind::Postgres => "postgres",
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Numbers are texts in the JSON of protobuf, or left out if they are 0.
fn number(value: &Value) -> i64 {
    match value {
        Value::String(text) => text.parse().expect("it is a number"),
        Value::Number(number) => number.as_i64().expect("it is whole"),
        _ => 0,
    }
}

#[test]
fn every_recorded_release_is_tested() {
    let mut recorded = Vec::new();
    for entry in fs::read_dir(folder("")).expect("there are fixtures") {
        let entry = entry.expect("a folder can be read");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            recorded.push(entry.file_name().into_string().expect("it is ASCII"));
        }
    }
    recorded.sort();
    assert_eq!(recorded, RELEASED);
}

async fn e9_e10_a_database_of_an_earlier_release_is_served_as_it_was_left(database: TestDatabase) {
    for recorded in Recorded::all(database.kind()) {
        let (server, org) = recorded.serve(&database).await;
        for told in recorded.blockers() {
            assert_as_told(&org, told).await;
        }
        let histories = recorded.told["histories"].as_array().expect("it has some");
        for (index, told) in histories.iter().enumerate() {
            let history = v1::ListBlockerHistoryRequest {
                name: org.blocker(index + 1),
                ..Default::default()
            };
            let events = org.ok(history).await.events;
            assert_eq!(i64::try_from(events.len()).ok(), told.as_i64());
        }
        assert_figures(&org, &recorded.told["rollup"]["rollup"]["figures"]).await;
        assert_watch_goes_on(&org, recorded.text("token")).await;
        assert_first_answer(&org, &recorded).await;
        assert_sound(&server).await;
        // And it goes on.
        let blocker = org.raise("checkout", "after the upgrade").await;
        org.resolve(&blocker.name).await;
        assert_sound(&server).await;
        server.stop().await;
    }
}

async fn assert_as_told(org: &Org, told: &Value) {
    let blocker = org.get(text(&told["name"])).await;
    let states = [
        (blocker.state().as_str_name(), "state"),
        (blocker.severity().as_str_name(), "severity"),
    ];
    let texts = [
        (&blocker.title, "title"),
        (&blocker.origin, "origin"),
        (&blocker.holder, "holder"),
        (&blocker.owner, "owner"),
        (&blocker.resolution, "resolution"),
        (&blocker.guidance, "guidance"),
        (&blocker.merged_into, "merged_into"),
        (&blocker.policy_version, "policy_version"),
        (&blocker.etag, "etag"),
    ];
    for (found, field) in states {
        assert_eq!(found, text(&told[field]), "{field} of {told}");
    }
    for (found, field) in texts {
        assert_eq!(found, text(&told[field]), "{field} of {told}");
    }
    if told["escalation_state"].is_string() {
        let found = blocker.escalation_state().as_str_name();
        assert_eq!(found, text(&told["escalation_state"]), "{told}");
    }
    let escalations = i64::from(blocker.escalation_count);
    assert_eq!(escalations, number(&told["escalation_count"]), "{told}");
}

async fn assert_figures(org: &Org, told: &Value) {
    let figures = org.figures("shop").await;
    for (found, field) in [
        (figures.open, "open"),
        (figures.raised_total, "raised_total"),
        (figures.closed_total, "closed_total"),
        (figures.held_here, "held_here"),
        (figures.held_below, "held_below"),
        (figures.escalated_in, "escalated_in"),
        (figures.unowned, "unowned"),
        (figures.exhausted, "exhausted"),
        (figures.due_soon, "due_soon"),
        (figures.meetings_held, "meetings_held"),
    ] {
        assert_eq!(found, number(&told[field]), "{field}");
    }
}

/// A watcher of the release before is told what it has not seen, each event once.
async fn assert_watch_goes_on(org: &Org, token: String) {
    let newest = org.revision().await;
    let mut watch = org.watch(token).await;
    let mut seen = Vec::new();
    let mut revision = 0;
    while revision < newest {
        let message = soon(watch.message()).await.expect("the watch goes on");
        let message = message.expect("the watch goes on");
        revision = message.revision;
        seen.extend(message.events);
    }
    let first = seen.first().expect("it has not seen all").revision;
    assert!(first > 1, "it begins anew");
    assert_eq!(seen, org.events_after(first - 1).await);
    log::assert_whole(&seen, first - 1);
}

/// A call that the release before has answered is not made again (E7).
async fn assert_first_answer(org: &Org, recorded: &Recorded) {
    let revision = org.revision().await;
    let comment = &recorded.told["comment"];
    let retried = v1::CommentOnBlockerRequest {
        name: text(&comment["name"]).to_owned(),
        text: text(&comment["text"]).to_owned(),
        request_id: text(&comment["request_id"]).to_owned(),
    };
    let answer = org.acting("").ok(retried).await;
    let first = STANDARD.decode(recorded.text("comment_answer"));
    assert_eq!(answer.encode_to_vec(), first.expect("it is base64"));
    assert_eq!(org.revision().await, revision);
}

async fn e4_timers_that_an_earlier_release_has_set_are_passed(database: TestDatabase) {
    for recorded in Recorded::all(database.kind()) {
        let (server, org) = recorded.serve(&database).await;
        let before = org.revision().await;
        // Acknowledgements and holds end, and rules about time have their say.
        for _ in 0..40 {
            server.advance_and_pass(DAY).await;
        }
        let moved = log::escalations(&org.events_after(before).await);
        assert!(
            moved
                .iter()
                .any(|(_, moved)| log::cause(moved).starts_with("timer:")),
            "{moved:?}"
        );
        log::assert_each_cause_moves_once(&org.events().await);
        assert_sound(&server).await;
        server.stop().await;
    }
}
