//! Who raises a blocker anonymously is named nowhere.

use std::{fs, path::Path};

use echelon_api::v1;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;

use crate::support::{Org, mask};

on_both!(an_anonymous_author_is_stored_nowhere);

/// Names that occur nowhere else.
const HIDDEN: &str = "whistle-blower@example.com";
const NAMED: &str = "scrum-master@example.com";

async fn an_anonymous_author_is_stored_nowhere(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let raise = |request_id: &str, anonymous| v1::RaiseBlockerRequest {
        parent: org.name(),
        blocker: Some(v1::Blocker {
            origin: org.node("team-1"),
            title: "nobody says that the date is lost".to_owned(),
            severity: v1::Severity::Critical.into(),
            ..Default::default()
        }),
        anonymous,
        request_id: request_id.to_owned(),
    };
    let raised = org.acting(HIDDEN).ok(raise("hidden", true)).await;
    let raised = raised.blocker.expect("a raise answers with the blocker");
    assert_eq!(raised.reporter, "");
    // It is critical, so it moved at once: by nobody, too.
    assert_eq!(raised.holder, org.node("rail-a"));
    org.acting(NAMED).ok(raise("named", false)).await;
    // What happens to it later says nothing either.
    org.acting(NAMED)
        .ok(v1::UpdateBlockerRequest {
            blocker: Some(v1::Blocker {
                name: raised.name.clone(),
                category: "planning".to_owned(),
                ..Default::default()
            }),
            update_mask: mask(&["category"]),
            ..Default::default()
        })
        .await;
    let events = org.events().await;
    let about: Vec<_> = events
        .iter()
        .filter(|event| event.blocker == raised.name)
        .collect();
    assert!(about[..2].iter().all(|event| event.actor.is_empty()));
    assert!(
        !events
            .iter()
            .any(|event| contains(&event.encode_to_vec(), HIDDEN))
    );
    assert!(
        events
            .iter()
            .any(|event| contains(&event.encode_to_vec(), NAMED))
    );
    server.stop().await;
    match database.kind() {
        DatabaseKind::Sqlite => look_into_files(&database),
        DatabaseKind::Postgres => look_into_tables(&database).await,
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Every byte beside the database's file, and of it. The other name shows that the search finds what is there.
fn look_into_files(database: &TestDatabase) {
    let path = database.url().trim_start_matches("sqlite://");
    let folder = Path::new(path).parent().expect("a file is in a folder");
    let mut bytes = Vec::new();
    for file in fs::read_dir(folder).expect("the folder is there") {
        let file = file.expect("the folder can be read");
        bytes.extend(fs::read(file.path()).expect("the file can be read"));
    }
    assert!(contains(&bytes, NAMED));
    assert!(!contains(&bytes, HIDDEN));
}

/// Every row of every table, its bytes as hexadecimal digits.
async fn look_into_tables(database: &TestDatabase) {
    for (name, is_there) in [(NAMED, true), (HIDDEN, false)] {
        let hexadecimal: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        let search = format!(
            "DO $$
             DECLARE place record; here bigint; found bigint := 0;
             BEGIN
               FOR place IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' LOOP
                 EXECUTE format(
                   'SELECT count(*) FROM %I AS t WHERE t::text LIKE %L OR t::text LIKE %L',
                   place.table_name, '%{name}%', '%{hexadecimal}%') INTO here;
                 found := found + here;
               END LOOP;
               IF (found > 0) <> {is_there} THEN
                 RAISE EXCEPTION 'found {name} % times', found;
               END IF;
             END $$"
        );
        database.execute(&search).await;
    }
}
