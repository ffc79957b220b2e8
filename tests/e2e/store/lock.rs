//! The head is locked first: writers of an organization take turns, and what is not committed leaves nothing.

use echelon_domain::{Organization, OrganizationId, command::Command, profile::SettingsPatch};
use echelon_store::{DatabaseKind, Head, Store, StoreError};
use echelon_testkit::{TestDatabase, on_both};
use tokio::task::JoinHandle;

use super::history::{History, level, node, raise};

on_both!(
    a_batch_that_is_dropped_leaves_nothing,
    e3_e1_changes_decided_on_an_older_revision_are_refused,
    e3_e1_two_writers_take_turns,
    e3_two_writers_cannot_create_the_same_organization,
    the_epoch_stays_and_differs_between_organizations,
    e5_a_commit_without_a_lock_waits_for_it_and_is_refused_if_the_head_has_moved,
);

fn create(display_name: &str) -> Command {
    Command::CreateOrganization {
        display_name: display_name.to_owned(),
        settings: SettingsPatch::default(),
        root: node("solution"),
        root_level: level("SOLUTION"),
    }
}

async fn a_batch_that_is_dropped_leaves_nothing(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let head = history.store.head(&history.id).await.unwrap();
    let mut batch = history.store.begin(&history.id).await.unwrap();
    batch.load().await.unwrap();
    drop(batch);
    assert_eq!(history.store.head(&history.id).await.unwrap(), head);
    history.check().await;
    history
        .commit_all(&[raise("team-1-1", "the next one counts")])
        .await;
    history.check().await;
}

async fn e3_e1_changes_decided_on_an_older_revision_are_refused(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let stale = history.decide(&[raise("team-1-1", "too late")]);
    history.commit_all(&[raise("team-1-1", "first")]).await;
    let changes = history.changes(&stale);
    let batch = history.store.begin(&history.id).await.unwrap();
    let refused = batch.commit(&changes).await;
    assert!(
        matches!(refused, Err(StoreError::Stale { .. })),
        "{refused:?}"
    );
    // Nor without a lock: the head is not where it was, or it is that of another history.
    let now = history.store.head(&history.id).await.unwrap().unwrap();
    let revision = stale.base.revision();
    let heads = [
        Head {
            revision,
            ..now.clone()
        },
        Head {
            revision,
            epoch: "another".to_owned(),
            time: now.time,
        },
    ];
    for head in heads {
        let refused = history.store.commit_on(&history.id, &head, &changes).await;
        assert!(
            matches!(refused, Err(StoreError::Stale { .. })),
            "{refused:?}"
        );
    }
    let elsewhere = Head {
        epoch: "another".to_owned(),
        ..now
    };
    let newest = history.decide(&[raise("team-1-1", "of another history")]);
    let changes = history.changes(&newest);
    let refused = history
        .store
        .commit_on(&history.id, &elsewhere, &changes)
        .await;
    assert!(
        matches!(refused, Err(StoreError::Stale { .. })),
        "{refused:?}"
    );
    history.check().await;
}

/// A second replica on PostgreSQL; on SQLite, where there is none, the same store.
async fn second(database: &TestDatabase, first: &Store) -> Store {
    match database.kind() {
        DatabaseKind::Sqlite => first.clone(),
        DatabaseKind::Postgres => database.open_store().await,
    }
}

/// Begins a batch elsewhere, and tells the revision that it found.
fn begin(store: Store, id: OrganizationId) -> JoinHandle<Option<i64>> {
    tokio::spawn(async move {
        let batch = store.begin(&id).await.unwrap();
        batch.head().map(|head| head.revision)
    })
}

async fn e3_e1_two_writers_take_turns(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let other = second(&database, &history.store).await;
    let decided = history.decide(&[raise("team-1-1", "first")]);
    let mut batch = history.store.begin(&history.id).await.unwrap();
    let waiting = begin(other, history.id.clone());
    // The other has every chance to run while this one reads.
    batch.load().await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    batch.commit(&history.changes(&decided)).await.unwrap();
    history.accept(decided);
    // It was let in after the commit and sees it.
    assert_eq!(waiting.await.unwrap(), Some(history.live.revision()));
}

async fn e3_two_writers_cannot_create_the_same_organization(database: TestDatabase) {
    let store = database.open_store().await;
    let other = second(&database, &store).await;
    let mut history = History::new(store);
    let mut batch = history.store.begin(&history.id).await.unwrap();
    assert_eq!(batch.head(), None);
    let waiting = begin(other, history.id.clone());
    let decided = history.decide(&[create("Acme")]);
    batch.load().await.unwrap();
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    batch.commit(&history.changes(&decided)).await.unwrap();
    history.accept(decided);
    assert_eq!(waiting.await.unwrap(), Some(1));
}

async fn the_epoch_stays_and_differs_between_organizations(database: TestDatabase) {
    let store = database.open_store().await;
    let mut history = History::with_trains(store.clone(), 1, 1).await;
    let first = store.head(&history.id).await.unwrap().unwrap();
    history.commit_all(&[raise("team-1-1", "one more")]).await;
    let later = store.head(&history.id).await.unwrap().unwrap();
    assert_eq!(first.epoch, later.epoch);
    assert!(later.revision > first.revision && later.time > first.time);
    let mut other = History::new(store.clone());
    other.id = OrganizationId::new("organization", "borealis").unwrap();
    other.live = Organization::empty(other.id.clone());
    other.folded = other.live.clone();
    other.commit_all(&[create("Borealis")]).await;
    other.check().await;
    history.check().await;
    let heads = store.heads().await.unwrap();
    let ids: Vec<&str> = heads.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["acme", "borealis"]);
    assert_ne!(heads[0].1.epoch, heads[1].1.epoch);
    let page = store.organizations(Some(&history.id), 5).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].1.display_name, "Borealis");
}

/// Decided before somebody else had the lock, and sent while he had it.
async fn e5_a_commit_without_a_lock_waits_for_it_and_is_refused_if_the_head_has_moved(
    database: TestDatabase,
) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let other = second(&database, &history.store).await;
    let head = history.store.head(&history.id).await.unwrap().unwrap();
    let outrun = history.decide(&[raise("team-1-1", "outrun")]);
    let changes = history.changes(&outrun);
    let mut batch = other.begin(&history.id).await.unwrap();
    assert_eq!(
        batch.database_time().is_some(),
        database.kind() == DatabaseKind::Postgres
    );
    let sent = {
        let (store, id) = (history.store.clone(), history.id.clone());
        tokio::spawn(async move { store.commit_on(&id, &head, &changes).await })
    };
    batch.load().await.unwrap();
    tokio::task::yield_now().await;
    assert!(!sent.is_finished());
    let first = history.decide(&[raise("team-1-1", "first")]);
    batch.commit(&history.changes(&first)).await.unwrap();
    history.accept(first);
    let sent = sent.await.unwrap();
    assert!(matches!(sent, Err(StoreError::Stale { .. })), "{sent:?}");
    history.check().await;
}
