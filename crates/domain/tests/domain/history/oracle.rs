//! What must hold of every change, every pass of the timers, and everything that was foretold.

use echelon_domain::{
    BlockerNumber, NodeId, Organization, Timestamp,
    blocker::{Blocker, Cause, Change, ChangeKind, EscalationState},
    command::Outcome,
    decide::Decision,
    event::{Event, Payload},
    explain::NextStep,
};

/// What must hold of every change of a blocker, given the blocker before it.
pub(super) fn check_change(before: Option<&Blocker>, change: &Change, event: &Event) {
    let after = &change.status;
    assert!(after.progressed_at >= after.level_entered_at, "{change:?}");
    assert!(
        after.escalation != EscalationState::Armed
            || after.timer_at >= Some(after.level_entered_at),
        "{change:?}"
    );
    let Some(before) = before else {
        assert!(matches!(change.kind, ChangeKind::Raised));
        return;
    };
    let before = &before.status;
    assert!(
        after.holder == before.holder
            || matches!(change.kind, ChangeKind::Moved(_) | ChangeKind::Reopened(_)),
        "only a move or a reopening changes the holder: {change:?}"
    );
    // Clocks restart on real progress only.
    let restarts = matches!(
        change.kind,
        ChangeKind::Acknowledged
            | ChangeKind::Owned
            | ChangeKind::Held
            | ChangeKind::HoldEnded
            | ChangeKind::Reopened(_)
            | ChangeKind::Moved(_)
    );
    assert!(
        restarts || after.progressed_at == before.progressed_at,
        "{change:?}"
    );
    let arrives = matches!(change.kind, ChangeKind::Reopened(_) | ChangeKind::Moved(_));
    assert!(
        arrives || after.level_entered_at == before.level_entered_at,
        "{change:?}"
    );
    // Pins change on arrival and by a rebase only: an edit of a policy surprises nothing in flight.
    assert!(
        arrives
            || matches!(change.kind, ChangeKind::Rebased)
            || (&after.policy, after.policy_version) == (&before.policy, before.policy_version),
        "{change:?}"
    );
    assert!(after.progressed_at <= event.at);
}

/// E6: what came was foretold, and what was foretold came.
pub(super) fn check_foretold(
    foretold: &[(BlockerNumber, NodeId, Option<NextStep>)],
    events: &[Event],
    now: Timestamp,
) {
    let at_meeting = events
        .iter()
        .any(|event| matches!(event.payload, Payload::MeetingClosed(_)));
    for (number, holder, next) in foretold {
        let happened = events.iter().find_map(|event| match &event.payload {
            Payload::BlockerChanged(change)
                if change.number == *number
                    && matches!(change.kind, ChangeKind::Moved(_) | ChangeKind::Exhausted(_)) =>
            {
                Some(&change.kind)
            }
            _ => None,
        });
        let next = next.as_ref().expect("an open blocker has a next step");
        let by_meeting = format!("the close of the next meeting of {holder}");
        match happened {
            Some(ChangeKind::Moved(moved)) => {
                let rule = moved.rule.as_deref().expect("a rule moved it");
                if matches!(moved.cause, Cause::Timer(_)) {
                    assert_eq!(next.at, Some(now), "E6: {next:?}");
                    assert_eq!(next.rule.as_deref(), Some(rule), "E6: {next:?}");
                    assert_eq!(next.target.as_ref(), Some(&moved.to), "E6: {next:?}");
                } else {
                    let told = format!("{by_meeting} moves it to {} (rule {rule})", moved.to);
                    assert!(next.description.contains(&told), "E6: {next:?}, not {told}");
                }
            }
            Some(_) => assert!(next.description.contains("exhaust"), "E6: {next:?}"),
            None if at_meeting => {
                assert!(
                    !next.description.contains(&by_meeting),
                    "E6: {next:?} did not come"
                );
            }
            None => assert!(
                next.at.is_none_or(|at| at > now),
                "E6: {next:?} did not come"
            ),
        }
    }
}

/// E4: a pass looks at what is due in due order, moves each at most one level, and leaves nothing due behind that it
/// has looked at.
pub(super) fn check_pass(decision: &Decision, before: &Organization, limit: usize, now: Timestamp) {
    let due: Vec<BlockerNumber> = before
        .due(now)
        .take(limit)
        .map(|(_, number)| number)
        .collect();
    let mut seen: Vec<BlockerNumber> = decision
        .events
        .iter()
        .filter_map(|event| event.payload.blocker())
        .collect();
    seen.dedup();
    let expected: Vec<BlockerNumber> = due.iter().copied().filter(|n| seen.contains(n)).collect();
    assert_eq!(seen, expected, "E4: in due order, each once");
    assert_eq!(
        seen.len(),
        due.len(),
        "E4: every due timer comes to something"
    );
    for number in &due {
        let moves = decision.events.iter().filter(|event| {
            matches!(&event.payload, Payload::BlockerChanged(change)
                if change.number == *number && matches!(change.kind, ChangeKind::Moved(_)))
        });
        let moves = moves.count();
        assert!(moves <= 1, "E4: at most one level per pass");
        let timer = decision
            .next
            .blocker(*number)
            .expect("at hand")
            .status
            .timer_at;
        assert!(
            timer.is_none_or(|at| at > now) || moves == 1,
            "E4: {number} is due still"
        );
    }
    match &decision.outcome {
        Outcome::TimersPassed { passed, remaining } => {
            assert_eq!(*passed, due.len());
            assert_eq!(
                *remaining,
                decision.next.next_timer().is_some_and(|at| at <= now)
            );
        }
        other => panic!("{other:?}"),
    }
}
