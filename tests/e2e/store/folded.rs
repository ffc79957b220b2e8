//! What the tables hold is what the log folds to, whatever happened.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use echelon_domain::{
    BlockerNumber, MeetingNumber, Organization,
    check::{self, Completeness},
    command::Command,
};
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, on_both};

use super::{
    history::{History, level, new_blocker, node, raise},
    random::Random,
};

on_both!(
    e9_e2_e1_any_history_comes_back_as_it_folds,
    e8_the_same_history_gives_the_same_rows_on_both,
    a_key_freed_and_taken_in_one_batch_is_no_clash,
    a_meeting_closed_and_the_next_opened_in_one_batch_is_no_clash,
    e9_a_departure_from_an_open_meeting_is_kept,
    e9_the_counters_follow_a_changed_tree,
    e9_a_load_beside_a_writer_is_one_snapshot,
);

async fn e9_e2_e1_any_history_comes_back_as_it_folds(database: TestDatabase) {
    let store = database.open_store().await;
    let mut history = History::with_trains(store, 3, 3).await;
    let mut random = Random::new(7);
    let mut refused = 0;
    for round in 0..60 {
        let commands = random.commands(&history);
        refused += history.commit(&commands).await.len();
        if round % 5 == 0 {
            history.check().await;
        }
    }
    history.check().await;
    let kinds: BTreeSet<&str> = history
        .events
        .iter()
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(kinds.len(), 13, "only these happened: {kinds:?}");
    assert!(history.live.revision() > 200 && refused > 0);
}

async fn e8_the_same_history_gives_the_same_rows_on_both(database: TestDatabase) {
    let other = match database.kind() {
        DatabaseKind::Sqlite => TestDatabase::postgres().await,
        DatabaseKind::Postgres => TestDatabase::sqlite().await,
    };
    let mut stored = Vec::new();
    let mut logs = Vec::new();
    for database in [&database, &other] {
        let mut history = History::with_trains(database.open_store().await, 2, 3).await;
        let mut random = Random::new(8);
        for _ in 0..30 {
            let commands = random.commands(&history);
            history.commit(&commands).await;
        }
        let log = history.store.events_after(&history.id, 0, usize::MAX).await;
        let log = log.unwrap();
        assert_eq!(log, history.events);
        logs.push(log);
        let parts = history
            .store
            .load_all(&history.id)
            .await
            .unwrap()
            .unwrap()
            .parts;
        stored.push(Organization::restore(parts));
    }
    assert_eq!(logs[0], logs[1]);
    assert_eq!(check::compare(&stored[0], &stored[1]), []);
    assert_eq!(check::compare(&stored[1], &stored[0]), []);
}

async fn a_key_freed_and_taken_in_one_batch_is_no_clash(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let keyed = || {
        let mut blocker = new_blocker("team-1-1", "the build is red");
        blocker.dedupe_key = "build".to_owned();
        Command::RaiseBlocker {
            blocker: Box::new(blocker),
            anonymous: false,
        }
    };
    let withdraw = |number| Command::WithdrawBlocker {
        number: BlockerNumber::new(number),
        reason: String::new(),
        etag: None,
    };
    history.commit_all(&[keyed()]).await;
    history.commit_all(&[withdraw(1), keyed()]).await;
    // The lower number takes the key that the higher one frees.
    let reopen = Command::ReopenBlocker {
        number: BlockerNumber::new(1),
        reason: "red again".to_owned(),
        etag: None,
    };
    history.commit_all(&[withdraw(2), reopen]).await;
    history.check().await;
}

async fn a_meeting_closed_and_the_next_opened_in_one_batch_is_no_clash(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let open = || Command::OpenMeeting {
        node: node("team-1-1"),
        title: None,
    };
    history.commit_all(&[open()]).await;
    let close = Command::CloseMeeting {
        number: MeetingNumber::new(1),
    };
    history.commit_all(&[close, open()]).await;
    history.check().await;
}

async fn e9_a_departure_from_an_open_meeting_is_kept(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 1, 2).await;
    let open = Command::OpenMeeting {
        node: node("team-1-1"),
        title: None,
    };
    history
        .commit_all(&[raise("team-1-1", "no test data"), open])
        .await;
    let resolve = Command::ResolveBlocker {
        number: BlockerNumber::new(1),
        resolution: "the data is there".to_owned(),
        etag: None,
    };
    history.commit_all(&[resolve]).await;
    let number = MeetingNumber::new(1);
    let meeting = history.store.meeting(&history.id, number).await.unwrap();
    assert_eq!(meeting.unwrap().departed, [BlockerNumber::new(1)]);
    history.check().await;
}

async fn e9_the_counters_follow_a_changed_tree(database: TestDatabase) {
    let mut history = History::with_trains(database.open_store().await, 2, 2).await;
    let below = Command::CreateNode {
        id: node("squad"),
        parent: node("team-1-1"),
        level: level("SQUAD"),
        display_name: None,
        representatives: Vec::new(),
    };
    history
        .commit_all(&[below, raise("squad", "no licence")])
        .await;
    // A day later: what the move counts anew begins another day, in the subtree too.
    history.now = history.now.plus(std::time::Duration::from_secs(86_400));
    let relocate = Command::MoveNode {
        id: node("team-1-1"),
        new_parent: node("train-2"),
        etag: None,
    };
    history.commit_all(&[relocate]).await;
    // What the team holds for the squad counts at the squad under the team's label.
    let up = Command::EscalateBlocker {
        number: BlockerNumber::new(1),
        to: None,
        reason: "not ours".to_owned(),
        etag: None,
    };
    let relabel = Command::UpdateNode {
        id: node("team-1-1"),
        display_name: None,
        level: Some(level("CREW")),
        representatives: None,
        etag: None,
    };
    history.commit_all(&[up]).await;
    history.commit_all(&[relabel]).await;
    history.check().await;
    let squad = history.live.counters(&node("squad"));
    assert_eq!(squad.by_holder_level, [(level("CREW"), 1)].into());
}

async fn e9_a_load_beside_a_writer_is_one_snapshot(database: TestDatabase) {
    const SEEN: usize = 12;
    let mut history = History::with_trains(database.open_store().await, 1, 3).await;
    let (store, id) = (history.store.clone(), history.id.clone());
    let seen_enough = Arc::new(AtomicBool::new(false));
    let stop = seen_enough.clone();
    let writer = tokio::spawn(async move {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let team = format!("team-1-{}", 1 + n % 3);
            history
                .commit_all(&[raise(&team, &format!("number {n}"))])
                .await;
        }
    });
    let mut revisions = BTreeSet::new();
    while revisions.len() < SEEN {
        let loaded = Organization::restore(store.load(&id).await.unwrap().unwrap().parts);
        assert_eq!(check::check(&loaded, Completeness::LiveOnly), []);
        revisions.insert(loaded.revision());
    }
    seen_enough.store(true, Ordering::Relaxed);
    writer.await.unwrap();
}
