//! Statements: few, whatever the number of rows.

use echelon_domain::{MeetingNumber, command::Command};
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, on_both};

use super::history::{History, node, raise};

on_both!(
    closing_a_meeting_takes_as_few_statements_for_200_blockers_as_for_20,
    loading_takes_as_few_statements_for_200_blockers_as_for_20,
);

async fn closing_a_meeting_takes_as_few_statements_for_200_blockers_as_for_20(
    database: TestDatabase,
) {
    let store = database.open_store().await;
    let database_kind = store.kind();
    let mut history = History::with_trains(store, 1, 2).await;
    let mut counts = Vec::new();
    for blockers in [20, 200] {
        let titles = 0..blockers;
        let raised: Vec<Command> = titles
            .map(|n| raise("team-1-1", &format!("number {n}")))
            .collect();
        history.commit_all(&raised).await;
        let open = Command::OpenMeeting {
            node: node("team-1-1"),
            title: None,
        };
        history.commit_all(&[open]).await;
        let before = history.live.counters(&node("train-1")).escalated_in;
        let close = Command::CloseMeeting {
            number: MeetingNumber::new(history.live.next_meeting().get() - 1),
        };
        // Without the look-ups of what is not at hand, which a close does not need.
        let decided = history.decide(&[close]);
        let changes = history.changes(&decided);
        let head = history.store.head(&history.id).await.unwrap().unwrap();
        let started = history.store.statements();
        let committed = history.store.commit_on(&history.id, &head, &changes);
        committed.await.unwrap();
        counts.push(history.store.statements() - started);
        history.accept(decided);
        let moved = history.live.counters(&node("train-1")).escalated_in - before;
        assert_eq!(moved, blockers);
    }
    let each = match database_kind {
        // Head, blockers, meeting, counters, events.
        DatabaseKind::Sqlite => 5,
        // One that does all of it.
        DatabaseKind::Postgres => 1,
    };
    assert_eq!(counts, [each, each]);
    history.check().await;
}

async fn loading_takes_as_few_statements_for_200_blockers_as_for_20(database: TestDatabase) {
    let store = database.open_store().await;
    let mut history = History::with_trains(store, 1, 2).await;
    let mut counts = Vec::new();
    for blockers in [20, 200] {
        let titles = 0..blockers;
        let raised: Vec<Command> = titles
            .map(|n| raise("team-1-1", &format!("number {n}")))
            .collect();
        history.commit_all(&raised).await;
        let started = history.store.statements();
        history.store.load(&history.id).await.unwrap().unwrap();
        counts.push(history.store.statements() - started);
    }
    // One for the schema, one for each table of the snapshot, and of the blockers one for each live state.
    assert_eq!(counts, [13, 13]);
}
