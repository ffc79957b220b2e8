//! The life of a blocker by hand: escalate, return, merge, reopen, verify, and what is refused.

use echelon_domain::{
    BlockerNumber,
    blocker::{Arrival, Cause, MoveKind, Severity, State},
    command::{Command, NamedBlocker, NewCheckIn, Outcome},
    event::Payload,
    meeting::FateKind,
};

use crate::support::{DAY, Desk, HOUR, moves, new_blocker, node};

fn reopen(number: BlockerNumber) -> Command {
    Command::ReopenBlocker {
        number,
        reason: "it is back".to_owned(),
        etag: None,
    }
}

fn verify(number: BlockerNumber) -> Command {
    Command::VerifyBlocker { number, etag: None }
}

#[test]
fn escalating_by_hand_goes_to_the_parent_or_to_any_ancestor() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    let decision = desk.escalate(number, None);
    let (_, moved) = moves(&decision.events).remove(0);
    assert!(matches!(moved.cause, Cause::Request(_)));
    assert_eq!(
        (moved.rule, moved.reason.as_str()),
        (None, "too big for us")
    );
    desk.escalate(number, Some("solution"));
    assert_eq!(desk.holder(number), "solution");
    assert_eq!(desk.blocker(number).status.escalations, 2);
    for to in [None, Some("team-a1"), Some("solution"), Some("supplier")] {
        let message = desk.refused(Command::EscalateBlocker {
            number,
            to: to.map(node),
            reason: "higher".to_owned(),
            etag: None,
        });
        assert!(
            message.contains("above") || message.contains("root"),
            "{message}"
        );
    }
}

#[test]
fn a_return_goes_down_towards_the_origin_with_guidance() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    desk.escalate(number, Some("solution"));
    desk.own(number, Some(DAY));
    let decision = desk.send_back(number, None);
    assert_eq!(moves(&decision.events)[0].1.kind, MoveKind::Returned);
    let status = desk.blocker(number).status;
    assert_eq!(
        (status.holder.as_str(), status.arrival),
        ("train", Arrival::Returned)
    );
    assert_eq!((status.state, status.owner), (State::Raised, None));
    assert_eq!(status.guidance, "try the other supplier");
    desk.send_back(number, Some("team-a1"));
    for to in [None, Some("team-b1"), Some("sos-a"), Some("nowhere")] {
        desk.refused(Command::ReturnBlocker {
            number,
            to: to.map(node),
            guidance: "down".to_owned(),
            etag: None,
        });
    }
}

#[test]
fn a_merge_closes_into_an_open_blocker() {
    let mut desk = Desk::new();
    let cause = desk.raise("team-b1", Severity::High);
    let number = desk.raise("team-a1", Severity::Low);
    let merge = |number, into| Command::MergeBlocker {
        number,
        into,
        etag: None,
    };
    desk.refused(merge(number, number));
    desk.run(merge(number, cause));
    let status = desk.blocker(number).status;
    assert_eq!(
        (status.state, status.merged_into),
        (State::Merged, Some(cause))
    );
    desk.refused(merge(cause, number));
    desk.refused(reopen(number));
    desk.refused(Command::ResolveBlocker {
        number,
        resolution: String::new(),
        etag: None,
    });
}

#[test]
fn a_reopened_blocker_is_a_new_episode_where_it_was_last_held() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    desk.escalate(number, None);
    desk.own(number, Some(DAY));
    desk.resolve(number);
    desk.pass(HOUR);
    desk.run(reopen(number));
    let status = desk.blocker(number).status;
    assert_eq!(
        (status.episode, status.state, status.holder.as_str()),
        (2, State::Raised, "sos-a")
    );
    assert_eq!(
        (status.owner, status.closed_at, status.escalations),
        (None, None, 0)
    );
    assert_eq!(
        (status.episode_at, status.progressed_at),
        (desk.now, desk.now)
    );
    // A critical one starts to climb at once.
    let critical = desk.raise("team-a1", Severity::Critical);
    desk.resolve(critical);
    desk.run(reopen(critical));
    assert_eq!(desk.holder(critical), "train");
}

#[test]
fn a_verified_or_withdrawn_blocker_can_be_reopened() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    desk.refused(verify(number));
    desk.resolve(number);
    desk.run(verify(number));
    desk.refused(verify(number));
    assert_eq!(desk.state(number), State::Verified);
    desk.run(reopen(number));
    desk.refused(reopen(number));
    desk.run(Command::WithdrawBlocker {
        number,
        reason: String::new(),
        etag: None,
    });
    desk.run(reopen(number));
    assert_eq!(desk.blocker(number).status.episode, 3);
}

#[test]
fn it_reopens_at_an_active_node_above_its_origin_however_the_tree_has_changed() {
    let mut desk = Desk::new();
    let moved = desk.raise("team-a1", Severity::Low);
    let archived = desk.raise("team-b1", Severity::Low);
    desk.escalate(moved, None);
    desk.resolve(moved);
    desk.resolve(archived);
    desk.run(Command::MoveNode {
        id: node("team-a1"),
        new_parent: node("sos-b"),
        etag: None,
    });
    desk.run(Command::ArchiveNode {
        id: node("team-b1"),
        etag: None,
    });
    desk.run(reopen(moved));
    desk.run(reopen(archived));
    assert_eq!(
        (desk.holder(moved).as_str(), desk.holder(archived).as_str()),
        ("train", "sos-b")
    );
}

#[test]
fn e7_a_dedupe_key_finds_the_open_blocker() {
    let mut desk = Desk::new();
    let mut blocker = new_blocker("team-a1", "build is red", Severity::Low);
    blocker.dedupe_key = "ci/main".to_owned();
    let first = desk.raise_new(blocker.clone());
    blocker.origin = node("team-b1");
    let again = desk.run(Command::RaiseBlocker {
        blocker: Box::new(blocker.clone()),
        anonymous: false,
    });
    assert_eq!(
        again.outcome,
        Outcome::Blocker {
            number: first,
            duplicate: true
        }
    );
    assert!(again.events.is_empty());
    desk.resolve(first);
    let second = desk.raise_new(blocker);
    assert_ne!(first, second);
    let message = desk.refused(reopen(first));
    assert!(message.contains(&second.to_string()), "{message}");
}

#[test]
fn an_anonymous_author_is_stored_nowhere() {
    let mut desk = Desk::new();
    let decision = desk.run(Command::RaiseBlocker {
        blocker: Box::new(new_blocker("team-a1", "nobody listens", Severity::Critical)),
        anonymous: true,
    });
    assert!(!format!("{:?}", decision.events).contains("sm@example.com"));
}

#[test]
fn e7_closing_a_meeting_twice_changes_nothing() {
    let mut desk = Desk::new();
    desk.raise("team-a1", Severity::Low);
    let meeting = desk.open("team-a1");
    desk.close(meeting);
    let before = desk.organization.clone();
    assert!(desk.close(meeting).events.is_empty());
    assert_eq!(desk.organization, before);
}

#[test]
fn a_close_tells_the_fate_of_all_that_was_there() {
    let mut desk = Desk::new();
    let numbers: Vec<BlockerNumber> = (0..6)
        .map(|_| desk.raise("team-a1", Severity::Low))
        .collect();
    for number in &numbers {
        desk.escalate(*number, None);
    }
    let meeting = desk.open("sos-a");
    desk.resolve(numbers[0]);
    desk.send_back(numbers[1], None);
    desk.escalate(numbers[2], None);
    desk.own(numbers[3], Some(DAY));
    desk.acknowledge(numbers[4]);
    let closed = desk.close(meeting);
    let Some(Payload::MeetingClosed(closed)) = closed.events.last().map(|event| &event.payload)
    else {
        panic!("the close is the last event");
    };
    let fates: Vec<(BlockerNumber, FateKind)> = closed
        .fates
        .iter()
        .map(|fate| (fate.blocker, fate.kind))
        .collect();
    assert_eq!(
        fates,
        [
            (numbers[0], FateKind::Solved),
            (numbers[1], FateKind::Returned),
            (numbers[2], FateKind::Escalated),
            (numbers[3], FateKind::CarriedOver),
            (numbers[4], FateKind::CarriedOver),
            (numbers[5], FateKind::CarriedOver),
        ]
    );
    assert!(
        closed.fates[3].reason.contains("committed to"),
        "{:?}",
        closed.fates[3]
    );
    assert!(closed.fates[4].reason.contains("acknowledged until"));
    assert_eq!(
        closed.fates[5].reason,
        "unsolved after 1 more meeting it moves to train by rule sos-meetings"
    );
}

#[test]
fn a_check_in_raises_once_and_only_into_an_open_meeting() {
    let mut desk = Desk::new();
    let meeting = desk.open("sos-a");
    let check_in = |from: &str| Command::SubmitCheckIn {
        meeting,
        check_in: NewCheckIn {
            node: node(from),
            accomplished: String::new(),
            planned: String::new(),
            blockers: vec![NamedBlocker::New(Box::new(new_blocker(
                from,
                "no licence",
                Severity::Low,
            )))],
            may_block: Vec::new(),
            decisions: vec!["which vendor?".to_owned()],
        },
    };
    let raised = |decision: &echelon_domain::decide::Decision| match &decision.outcome {
        Outcome::CheckedIn { raised, .. } => raised.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(raised(&desk.run(check_in("team-a1"))), 1);
    assert_eq!(
        raised(&desk.run(check_in("team-a1"))),
        0,
        "it is known already"
    );
    assert!(desk.refused(check_in("team-b1")).contains("takes no part"));
    desk.close(meeting);
    assert!(desk.refused(check_in("team-a2")).contains("is closed"));
}

#[test]
fn a_stale_etag_is_refused() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Low);
    let etag = desk.blocker(number).revision;
    desk.acknowledge(number);
    let resolve = |etag| Command::ResolveBlocker {
        number,
        resolution: String::new(),
        etag: Some(etag),
    };
    assert!(desk.refused(resolve(etag)).contains("read it again"));
    let etag = desk.blocker(number).revision;
    desk.run(resolve(etag));
}
