//! Reading the log.

use echelon_domain::{BlockerNumber, command::Command};
use echelon_testkit::{TestDatabase, on_both};

use super::history::{History, raise};

on_both!(
    e10_the_log_is_read_in_whole_revisions,
    the_history_of_a_blocker_comes_in_pages,
);

async fn e10_the_log_is_read_in_whole_revisions(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let mut commands = Vec::new();
    for n in 0..6 {
        // Critical: moves up at once, so that its revision has several events.
        let mut blocker = super::history::new_blocker("team-1-1", &format!("number {n}"));
        blocker.severity = Some(echelon_domain::blocker::Severity::Critical);
        commands.push(Command::RaiseBlocker {
            blocker: Box::new(blocker),
            anonymous: false,
        });
    }
    history.commit_all(&commands).await;
    assert!(history.events.iter().any(|event| event.index > 0));
    for limit in 1..=history.events.len() + 1 {
        let mut read = Vec::new();
        let mut after = 0;
        loop {
            let rows = history.store.events_after(&history.id, after, limit).await;
            let rows = rows.unwrap();
            let Some(last) = rows.last() else { break };
            let of_last = |row: &&echelon_store::EventRow| row.revision == last.revision;
            let whole = history.events.iter().filter(of_last).count();
            assert_eq!(rows.iter().filter(of_last).count(), whole);
            assert!(rows.len() < limit + whole);
            after = last.revision;
            read.extend(rows);
        }
        assert_eq!(read, history.events);
    }
    let none = history.store.events_after(&history.id, 0, 0).await.unwrap();
    assert!(none.is_empty());
}

async fn the_history_of_a_blocker_comes_in_pages(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let number = BlockerNumber::new(1);
    let comment = |text: &str| Command::CommentOnBlocker {
        number,
        text: text.to_owned(),
    };
    history
        .commit_all(&[
            raise("team-1-1", "one"),
            raise("team-1-2", "two"),
            comment("first"),
            comment("second"),
        ])
        .await;
    let about = history
        .events
        .iter()
        .filter(|event| event.blocker == Some(number));
    let about: Vec<_> = about.cloned().collect();
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let store = &history.store;
        let page = store.blocker_events(&history.id, number, after, 2).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = Some((last.revision, last.index));
        read.extend(page);
    }
    assert_eq!(read, about);
    assert!(about.len() >= 3);
}
