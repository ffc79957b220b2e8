//! Answers kept for retries.

use echelon_domain::{RequestId, Timestamp};
use echelon_store::StoredRequest;
use echelon_testkit::{TestDatabase, on_both};

use super::history::{History, START, raise};

on_both!(
    e7_an_answer_is_kept_with_its_commit_until_it_is_purged,
    e7_an_answer_alone_can_be_kept,
);

fn answer(id: &str, at: Timestamp) -> StoredRequest {
    StoredRequest {
        request_id: RequestId::new("request_id", id).unwrap(),
        method: "RaiseBlocker".to_owned(),
        fingerprint: i64::MIN,
        response: vec![0, 255, 1],
        revision: 3,
        at,
    }
}

async fn e7_an_answer_is_kept_with_its_commit_until_it_is_purged(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let second = Timestamp::from_micros(START.as_micros() + 1);
    let kept = [answer("a", START), answer("b", START), answer("c", second)];
    let decided = history.decide(&[raise("team-1-1", "with an answer")]);
    let mut changes = history.changes(&decided);
    changes.requests = kept.to_vec();
    let batch = history.store.begin(&history.id).await.unwrap();
    batch.commit(&changes).await.unwrap();
    history.accept(decided);

    let ids = ["c", "unknown", "a"].map(|id| RequestId::new("request_id", id).unwrap());
    let mut batch = history.store.begin(&history.id).await.unwrap();
    let mut found = batch.requests(&ids).await.unwrap();
    found.sort_by(|a, b| a.request_id.cmp(&b.request_id));
    assert_eq!(found, [kept[0].clone(), kept[2].clone()]);
    drop(batch);

    assert_eq!(history.store.purge_requests(second, 1).await.unwrap(), 1);
    assert_eq!(history.store.purge_requests(second, 9).await.unwrap(), 1);
    assert_eq!(history.store.purge_requests(second, 9).await.unwrap(), 0);
    let mut batch = history.store.begin(&history.id).await.unwrap();
    assert_eq!(batch.requests(&ids).await.unwrap(), [kept[2].clone()]);
}

async fn e7_an_answer_alone_can_be_kept(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 1).await;
    let decided = history.decide(&[]);
    let mut changes = history.changes(&decided);
    changes.requests = vec![answer("alone", START)];
    let before = history.store.head(&history.id).await.unwrap();
    let batch = history.store.begin(&history.id).await.unwrap();
    batch.commit(&changes).await.unwrap();
    assert_eq!(history.store.head(&history.id).await.unwrap(), before);
    let mut batch = history.store.begin(&history.id).await.unwrap();
    let ids = [RequestId::new("request_id", "alone").unwrap()];
    assert_eq!(batch.requests(&ids).await.unwrap(), changes.requests);
}
