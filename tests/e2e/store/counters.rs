//! Counters in the log of counters and in the rows of nodes are the same, whenever they are folded.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use echelon_domain::{
    Organization,
    check::{self, Completeness},
};
use echelon_store::{DatabaseKind, Store};
use echelon_testkit::{TestDatabase, on_both};

use super::{
    history::{History, raise},
    random::Random,
};

on_both!(
    e2_e9_a_history_is_counted_the_same_however_often_it_is_folded,
    e2_a_fold_that_is_cut_off_before_its_end_loses_nothing,
    e2_folds_beside_a_writer_and_each_other_lose_nothing,
);

async fn e2_e9_a_history_is_counted_the_same_however_often_it_is_folded(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 3, 3).await;
    let mut random = Random::new(11);
    let (store, id) = (history.store.clone(), history.id.clone());
    let mut nodes = 0;
    for round in 1..=40 {
        let commands = random.commands(&history);
        history.commit(&commands).await;
        if round % 4 == 0 {
            assert_ne!(database.rows("counter_log").await, 0);
            nodes += store.fold_counters(&id).await.unwrap();
            assert_eq!(database.rows("counter_log").await, 0);
        }
        if round % 4 < 2 {
            history.check().await;
        }
    }
    assert!(
        nodes > 60,
        "{nodes} nodes of a tree of 13 were folded in ten times"
    );
    assert_eq!(store.fold_counters(&id).await.unwrap(), 0);
}

/// As if the last step had not been: the rows have been written, and the log is still there.
async fn e2_a_fold_that_is_cut_off_before_its_end_loses_nothing(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 2, 3).await;
    let mut random = Random::new(12);
    let (store, id) = (history.store.clone(), history.id.clone());
    for _ in 0..6 {
        for _ in 0..3 {
            let commands = random.commands(&history);
            history.commit(&commands).await;
        }
        database
            .execute("CREATE TABLE kept AS SELECT * FROM counter_log")
            .await;
        store.fold_counters(&id).await.unwrap();
        database
            .execute("INSERT INTO counter_log SELECT * FROM kept")
            .await;
        database.execute("DROP TABLE kept").await;
        assert_ne!(database.rows("counter_log").await, 0);
        history.check().await;
    }
    store.fold_counters(&id).await.unwrap();
    history.check().await;
}

async fn e2_folds_beside_a_writer_and_each_other_lose_nothing(database: TestDatabase) {
    const SEEN: usize = 12;
    let mut history = History::with_trains(database.open_store().await, 2, 3).await;
    let (store, id) = (history.store.clone(), history.id.clone());
    // A file has one server.
    let other = match database.kind() {
        DatabaseKind::Sqlite => store.clone(),
        DatabaseKind::Postgres => database.open_store().await,
    };
    let seen_enough = Arc::new(AtomicBool::new(false));
    let stop = seen_enough.clone();
    let writer = tokio::spawn(async move {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let team = format!("team-{}-{}", 1 + n % 2, 1 + n % 3);
            history
                .commit_all(&[raise(&team, &format!("number {n}"))])
                .await;
        }
        history
    });
    let load = async |store: &Store| {
        let loaded = store.load(&id).await.unwrap().unwrap();
        let loaded = Organization::restore(loaded.parts);
        assert_eq!(check::check(&loaded, Completeness::LiveOnly), []);
        loaded.revision()
    };
    let mut revisions = BTreeSet::new();
    let mut folded = [0; 2];
    while revisions.len() < SEEN || folded.contains(&0) {
        let (one, another, revision) = tokio::join!(
            store.fold_counters(&id),
            other.fold_counters(&id),
            load(&other),
        );
        folded[0] += one.unwrap();
        folded[1] += another.unwrap();
        revisions.insert(revision);
    }
    seen_enough.store(true, Ordering::Relaxed);
    let history = writer.await.unwrap();
    history.check().await;
    assert_eq!(load(&store).await, history.live.revision());
}
