//! Blockers that come from elsewhere with all that they were there.

use echelon_api::v1::{self, BlockerChange, BlockerState, EscalationState};
use echelon_testkit::{TestDatabase, TestServer, on_both};

use super::{
    acme, export, import_whole,
    sample::{Stream, events},
};
use crate::support::{DAY, Org, assert_sound};

on_both!(
    e2_imported_blockers_are_served_and_escalate,
    e9_what_is_closed_and_changed_again_is_as_it_was_left,
);

async fn e2_imported_blockers_are_served_and_escalate(database: TestDatabase) {
    let mut stream = Stream::with_blockers(6).await;
    // Gaps between numbers are those of the old tracker.
    let due = stream.event(0).time;
    let record = stream.add(40, BlockerState::Raised);
    let status = record.status.as_mut().expect("it has a status");
    status.escalation_state = EscalationState::Armed.into();
    status.timer_time = due;
    let bytes = stream.bytes();
    import_whole(&database, bytes.clone()).await;
    assert_eq!(events(&export(&database, &acme()).await), events(&bytes));

    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme");
    let figures = org.figures("acme").await;
    assert_eq!((figures.raised_total, figures.closed_total), (7, 3));
    let open = org.get(&org.blocker(2)).await;
    assert_eq!(open.title, "number 2 of the old tracker");
    assert_eq!(open.state(), BlockerState::Raised);
    let closed = org.get(&org.blocker(1)).await;
    assert_eq!(closed.state(), BlockerState::Verified);
    // Due long ago: it is caught up.
    server.advance_and_pass(DAY * 3).await;
    assert_ne!(org.get(&org.blocker(40)).await.holder, org.node("team-1"));
    assert_eq!(org.raise("team-2", "a new one").await.name, org.blocker(41));
    org.meet("team-1").await;
    assert_sound(&server).await;
    server.stop().await;
}

async fn e9_what_is_closed_and_changed_again_is_as_it_was_left(database: TestDatabase) {
    let mut stream = Stream::with_blockers(3).await;
    // Enough that the rows of the first are with the database when they are changed.
    for number in 4..20_000 {
        stream.add(number, BlockerState::Verified);
    }
    let again = |stream: &mut Stream, number, change: BlockerChange, state| {
        let record = stream.add(number, state);
        record.change = change.into();
        record.content = None;
        record.text = "told again".to_owned();
    };
    again(
        &mut stream,
        1,
        BlockerChange::Commented,
        BlockerState::Verified,
    );
    again(
        &mut stream,
        3,
        BlockerChange::Reopened,
        BlockerState::Raised,
    );
    again(
        &mut stream,
        19_999,
        BlockerChange::Reopened,
        BlockerState::Raised,
    );
    again(
        &mut stream,
        3,
        BlockerChange::Verified,
        BlockerState::Verified,
    );
    import_whole(&database, stream.bytes()).await;
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme");
    for (number, state) in [
        (1, BlockerState::Verified),
        (3, BlockerState::Verified),
        (19_999, BlockerState::Raised),
    ] {
        let found = org.get(&org.blocker(number)).await;
        assert_eq!(found.state(), state);
        let history = v1::ListBlockerHistoryRequest {
            name: found.name,
            ..Default::default()
        };
        assert!(org.ok(history).await.events.len() > 1);
    }
    server.stop().await;
}
