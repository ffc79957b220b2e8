//! A real organization, the Kubernetes project, with what its teams wait for from each other: raised, and carried up
//! by meetings on every level until nothing moves any more.
//!
//! The data is not part of the repository. Where it is absent, these tests say so and pass.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod data;
mod play;
mod recount;

use std::collections::BTreeMap;

use echelon_api::v1::{self, EscalationState};
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, on_both};
use tokio::sync::OnceCell;

use data::Data;
use play::{Played, play};
use recount::Recount;

on_both!(
    e1_every_open_blocker_is_held_by_its_origin_or_above,
    e2_raised_is_open_plus_closed_at_every_node,
    e2_nothing_is_left_without_a_next_step,
    e6_every_move_is_explained,
    e8_both_databases_give_the_same_stream,
    e9_every_roll_up_is_what_the_log_recounts_to,
);

/// What happened on a database; it is played once. None: the data is absent.
async fn played(database: TestDatabase) -> Option<&'static Played> {
    static ON_SQLITE: OnceCell<Option<Played>> = OnceCell::const_new();
    static ON_POSTGRES: OnceCell<Option<Played>> = OnceCell::const_new();
    let played = match database.kind() {
        DatabaseKind::Sqlite => &ON_SQLITE,
        DatabaseKind::Postgres => &ON_POSTGRES,
    };
    let begun = played.get_or_init(|| async {
        match Data::read() {
            Some(data) => Some(play(&database, &data).await),
            None => None,
        }
    });
    begun.await.as_ref()
}

async fn e1_every_open_blocker_is_held_by_its_origin_or_above(database: TestDatabase) {
    let Some(played) = played(database).await else {
        return;
    };
    let recount = Recount::of(&played.events);
    for blocker in recount.open() {
        let above: Vec<&str> = recount.path_up(&blocker.origin).collect();
        assert!(above.contains(&blocker.holder.as_str()), "{blocker:?}");
    }
}

async fn e2_raised_is_open_plus_closed_at_every_node(database: TestDatabase) {
    let Some(played) = played(database).await else {
        return;
    };
    for (node, rollup) in &played.rollups {
        let figures = rollup.figures.as_ref().unwrap();
        let below: i64 = rollup
            .children
            .iter()
            .map(|child| raised(child.figures.as_ref()))
            .sum();
        assert_eq!(
            figures.raised_total,
            figures.open + figures.closed_total,
            "{node}"
        );
        assert!(figures.raised_total >= below, "{node}");
    }
    let root = raised(played.rollups["kubernetes"].figures.as_ref());
    assert_eq!(usize::try_from(root).unwrap(), played.raised);
}

fn raised(figures: Option<&v1::RollupFigures>) -> i64 {
    figures.map_or(0, |figures| figures.raised_total)
}

async fn e2_nothing_is_left_without_a_next_step(database: TestDatabase) {
    let Some(played) = played(database).await else {
        return;
    };
    let mut states: BTreeMap<EscalationState, usize> = BTreeMap::new();
    for blocker in Recount::of(&played.events).open() {
        *states.entry(blocker.escalation).or_default() += 1;
    }
    assert!(
        !states.contains_key(&EscalationState::Unspecified),
        "{states:?}"
    );
    // Nobody solved anything: it is all at the top, and shown to be.
    let exhausted = [(EscalationState::Exhausted, played.raised)];
    assert_eq!(states.into_iter().collect::<Vec<_>>(), exhausted);
}

async fn e6_every_move_is_explained(database: TestDatabase) {
    let Some(played) = played(database).await else {
        return;
    };
    let recount = Recount::of(&played.events);
    assert_eq!(recount.moves.len(), played.raised);
    for moved in &recount.moves {
        assert!(
            !moved.rule.is_empty() && !moved.policy_version.is_empty(),
            "{moved:?}"
        );
        assert!(!moved.matched_facts.is_empty(), "{moved:?}");
        let cause = moved.cause.as_ref().and_then(|cause| cause.kind.as_ref());
        assert!(
            matches!(cause, Some(v1::cause::Kind::Meeting(_))),
            "{moved:?}"
        );
    }
}

async fn e8_both_databases_give_the_same_stream(_: TestDatabase) {
    let on_sqlite = played(TestDatabase::sqlite().await).await;
    let on_postgres = played(TestDatabase::postgres().await).await;
    let (Some(on_sqlite), Some(on_postgres)) = (on_sqlite, on_postgres) else {
        return;
    };
    for (one, other) in on_sqlite.events.iter().zip(&on_postgres.events) {
        assert_eq!(one, other);
    }
    assert_eq!(on_sqlite.events.len(), on_postgres.events.len());
    assert_eq!(on_sqlite.rollups, on_postgres.rollups);
}

async fn e9_every_roll_up_is_what_the_log_recounts_to(database: TestDatabase) {
    let Some(played) = played(database).await else {
        return;
    };
    let recount = Recount::of(&played.events);
    let mut nodes = 0;
    for (node, rollup) in &played.rollups {
        assert_eq!(rollup.figures, Some(recount.figures(node)), "{node}");
        for child in &rollup.children {
            let id = crate::support::short(&child.node);
            assert_eq!(child.figures, Some(recount.figures(id)), "{id}");
        }
        nodes += 1;
    }
    assert_eq!(nodes, recount.nodes());
}
