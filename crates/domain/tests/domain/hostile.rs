//! Hostile input: whatever the parts of a command are, it is decided or refused, never a panic, and a refusal changes
//! nothing.

mod inputs;

use std::collections::BTreeSet;

use echelon_domain::{
    Error, MeetingNumber, PolicyId,
    agenda::agenda,
    attention::{Range, attention},
    blocker::Severity,
    command::{Command, NamedBlocker, NewCheckIn},
    explain::{explain, simulate},
    meeting::BlockingClaim,
    rollup::rollup,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use self::inputs::{
    blocker_number, declaration, id, new, number, patch, representatives, rules, settings, span,
    text, time,
};
use crate::support::{DAY, Desk, policy};

fn of_blockers() -> impl Strategy<Value = Command> {
    let etag = || option::weighted(0.2, number());
    let some = blocker_number;
    prop_oneof![
        (new(), any::<bool>()).prop_map(|(new, anonymous)| Command::RaiseBlocker {
            blocker: Box::new(new),
            anonymous
        }),
        (some(), patch(), etag()).prop_map(|(number, patch, etag)| Command::UpdateBlocker {
            number,
            patch: Box::new(patch),
            etag,
        }),
        (some(), option::of(time()), etag()).prop_map(|(number, until, etag)| {
            Command::AcknowledgeBlocker {
                number,
                until,
                etag,
            }
        }),
        (some(), text(), option::of(time()), etag()).prop_map(
            |(number, owner, committed_at, etag)| {
                Command::OwnBlocker {
                    number,
                    owner,
                    committed_at,
                    etag,
                }
            }
        ),
        (some(), time(), text(), text(), etag()).prop_map(
            |(number, until, approver, reason, etag)| {
                Command::HoldBlocker {
                    number,
                    until,
                    approver,
                    reason,
                    etag,
                }
            }
        ),
        (some(), text(), etag()).prop_map(|(number, resolution, etag)| Command::ResolveBlocker {
            number,
            resolution,
            etag
        }),
        (some(), etag()).prop_map(|(number, etag)| Command::VerifyBlocker { number, etag }),
        (some(), text(), etag()).prop_map(|(number, reason, etag)| Command::ReopenBlocker {
            number,
            reason,
            etag
        }),
        (some(), some(), etag()).prop_map(|(number, into, etag)| Command::MergeBlocker {
            number,
            into,
            etag
        }),
        (some(), option::of(id()), text(), etag()).prop_map(|(number, to, reason, etag)| {
            Command::EscalateBlocker {
                number,
                to,
                reason,
                etag,
            }
        }),
        (some(), option::of(id()), text(), etag()).prop_map(|(number, to, guidance, etag)| {
            Command::ReturnBlocker {
                number,
                to,
                guidance,
                etag,
            }
        }),
        (some(), text()).prop_map(|(number, text)| Command::CommentOnBlocker { number, text }),
    ]
}

fn of_the_rest() -> impl Strategy<Value = Command> {
    let named = prop_oneof![
        blocker_number().prop_map(NamedBlocker::Existing),
        new().prop_map(|new| NamedBlocker::New(Box::new(new))),
    ];
    let claim = (id(), text()).prop_map(|(node, note)| BlockingClaim { node, note });
    let check_in = (
        id(),
        text(),
        text(),
        vec(named, 0..3),
        vec(claim, 0..3),
        vec(text(), 0..3),
    )
        .prop_map(
            |(node, accomplished, planned, blockers, may_block, decisions)| NewCheckIn {
                node,
                accomplished,
                planned,
                blockers,
                may_block,
                decisions,
            },
        );
    let some_policy = || select(vec!["default", "other", "none"]).prop_map(policy);
    let meeting = || number().prop_map(MeetingNumber::new);
    prop_oneof![
        (id(), option::of(text())).prop_map(|(node, title)| Command::OpenMeeting { node, title }),
        (meeting(), check_in)
            .prop_map(|(meeting, check_in)| Command::SubmitCheckIn { meeting, check_in }),
        meeting().prop_map(|number| Command::CloseMeeting { number }),
        (id(), id(), option::of(number())).prop_map(|(id, new_parent, etag)| Command::MoveNode {
            id,
            new_parent,
            etag
        }),
        (id(), option::of(number())).prop_map(|(id, etag)| Command::ArchiveNode { id, etag }),
        (id(), option::of(text()), option::of(representatives())).prop_map(
            |(id, display_name, representatives)| {
                Command::UpdateNode {
                    id,
                    display_name,
                    level: None,
                    representatives,
                    etag: None,
                }
            }
        ),
        declaration().prop_map(Command::ApplyOrganization),
        (option::of(text()), settings()).prop_map(|(display_name, settings)| {
            Command::UpdateOrganization {
                display_name,
                settings,
                etag: None,
            }
        }),
        (some_policy(), id(), rules()).prop_map(|(id, node, rules): (PolicyId, _, _)| {
            Command::CreatePolicy {
                id,
                node,
                display_name: None,
                rules,
            }
        }),
        (some_policy(), rules()).prop_map(|(id, rules)| Command::UpdatePolicy {
            id,
            display_name: None,
            rules: Some(rules),
            etag: None,
        }),
        some_policy().prop_map(|id| Command::RebasePolicy { id }),
        select(vec![0, 1, usize::MAX]).prop_map(|limit| Command::PassTimers {
            limit,
            apart: BTreeSet::new(),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_input_makes_a_command_or_a_view_panic(
        commands in vec(prop_oneof![3 => of_blockers(), 2 => of_the_rest()], 1..25),
        waits in vec(span(), 25),
    ) {
        let mut desk = Desk::new();
        desk.raise("team-a1", Severity::Critical);
        desk.raise("team-a1", Severity::Low);
        for (command, wait) in commands.into_iter().zip(waits) {
            let before = desk.organization.clone();
            // The clock of a server is no input; it stays within sight.
            desk.pass(wait.min(3 * DAY));
            if let Err(error) = desk.try_run(command) {
                prop_assert!(!matches!(error, Error::Internal { .. }), "{error}");
                prop_assert_eq!(&desk.organization, &before);
            }
        }
        let organization = &desk.organization;
        for node in organization.tree().iter() {
            let meeting = organization.open_meeting_of(&node.id).map(|meeting| &**meeting);
            prop_assert!(rollup(organization, &node.id, desk.now).is_ok());
            prop_assert!(attention(organization, &node.id, true, Range::ALL, desk.now).is_ok());
            prop_assert!(agenda(organization, &node.id, meeting, desk.now).is_ok());
        }
        for blocker in organization.blockers() {
            prop_assert_eq!(explain(organization, blocker, desk.now).next.is_some(), blocker.is_open());
            prop_assert!(simulate(organization, blocker, desk.now).len() <= 100);
        }
    }
}
