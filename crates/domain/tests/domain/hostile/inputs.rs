//! Parts of commands, good and bad.

use std::{collections::BTreeMap, time::Duration};

use echelon_domain::{
    BlockerNumber, NodeId, Timestamp,
    blocker::Severity,
    command::{ContentPatch, NewBlocker},
    node::Representative,
    plan::{Declaration, NodeDeclaration},
    policy::{Action, ClockBase, Late, Rule, Trigger},
    profile::SettingsPatch,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::support::{DAY, level, new_blocker, node};

pub(super) fn text() -> impl Strategy<Value = String> {
    select(vec![
        String::new(),
        " ".to_owned(),
        "\0".to_owned(),
        "\u{202e}\n\t".to_owned(),
        "a".to_owned(),
        "https://example.com/1".to_owned(),
        "ä".repeat(201),
        "🦀".repeat(10_001),
        "severity == \"HIGH\"".to_owned(),
        "(".repeat(300),
    ])
}

pub(super) fn number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0_i64..4, 1 => select(vec![i64::MIN, -1, i64::MAX - 1, i64::MAX])]
}

pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    let near = 1_772_442_000_000_000;
    prop_oneof![
        2 => select(vec![i64::MIN, i64::MIN + 1, -1, 0, near, i64::MAX - 1, i64::MAX]).prop_map(Timestamp::from_micros),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
        4 => (0_i64..3_000_000).prop_map(move |seconds| Timestamp::from_micros(near + seconds * 1_000_000)),
    ]
}

pub(super) fn span() -> impl Strategy<Value = Duration> {
    select(vec![
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_nanos(1_500),
        DAY,
        366 * DAY,
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ])
}

pub(super) fn id() -> impl Strategy<Value = NodeId> {
    select(vec![
        "solution", "train", "sos-a", "team-a1", "supplier", "nowhere",
    ])
    .prop_map(node)
}

pub(super) fn blocker_number() -> impl Strategy<Value = BlockerNumber> {
    number().prop_map(BlockerNumber::new)
}

pub(super) fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(), text(), 0..3)
}

pub(super) fn new() -> impl Strategy<Value = NewBlocker> {
    (
        (id(), text(), text(), text(), text(), text()),
        option::of(select(&Severity::ALL[..])),
        (vec(id(), 0..3), vec(id(), 0..60)),
        option::of(time()),
        labels(),
    )
        .prop_map(|(texts, severity, nodes, due_at, labels)| {
            let (origin, title, description, category, external_reference, dedupe_key) = texts;
            NewBlocker {
                title,
                description,
                severity,
                category,
                blocked_nodes: nodes.0,
                causing_nodes: nodes.1,
                due_at,
                labels,
                external_reference,
                dedupe_key,
                ..new_blocker(origin.as_str(), "x", Severity::Low)
            }
        })
}

pub(super) fn patch() -> impl Strategy<Value = ContentPatch> {
    (
        option::of(text()),
        option::of(text()),
        option::of(select(&Severity::ALL[..])),
        option::of(option::of(time())),
        option::of(labels()),
        option::of(vec(id(), 0..3)),
        option::of(text()),
    )
        .prop_map(
            |(title, description, severity, due_at, labels, nodes, reference)| ContentPatch {
                title,
                description,
                severity,
                category: None,
                due_at,
                labels,
                blocked_nodes: nodes.clone(),
                causing_nodes: nodes,
                external_reference: reference,
            },
        )
}

pub(super) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let trigger = prop_oneof![
        Just(Trigger::Raised),
        Just(Trigger::MeetingClosed),
        Just(Trigger::Changed),
        (span(), select(&ClockBase::ALL[..]))
            .prop_map(|(duration, since)| Trigger::After { duration, since }),
    ];
    let action = prop_oneof![
        Just(Action::EscalateToParent),
        Just(Action::EscalateToRoot),
        Just(Action::EscalateToLevel(level("NONE"))),
        (vec(text(), 0..30), text()).prop_map(|(roles, message)| Action::Notify { roles, message }),
    ];
    let name = prop_oneof![3 => Just("r".to_owned()), 1 => text()];
    let when = prop_oneof![3 => Just(String::new()), 1 => text()];
    let rule = (name, when, trigger, action, select(&Late::ALL[..]));
    vec(
        rule.prop_map(|(name, when, trigger, action, late)| Rule {
            name,
            when,
            trigger,
            action,
            late,
        }),
        0..3,
    )
}

pub(super) fn settings() -> impl Strategy<Value = SettingsPatch> {
    (
        option::of(span()),
        option::of(span()),
        option::of(span()),
        option::of(span()),
    )
        .prop_map(
            |(aged_after, due_soon_within, acknowledgement_expiry, hold_limit)| SettingsPatch {
                aged_after,
                due_soon_within,
                acknowledgement_expiry,
                hold_limit,
            },
        )
}

pub(super) fn representatives() -> impl Strategy<Value = Vec<Representative>> {
    let one = (text(), text(), option::of(time()), option::of(time()));
    vec(
        one.prop_map(|(person, role, start, end)| Representative {
            person,
            role,
            start,
            end,
        }),
        0..3,
    )
}

pub(super) fn declaration() -> impl Strategy<Value = Declaration> {
    let one = (
        id(),
        option::of(id()),
        option::of(text()),
        representatives(),
    )
        .prop_map(
            |(id, parent, display_name, representatives)| NodeDeclaration {
                id,
                parent,
                level: level("TEAM"),
                display_name,
                representatives,
            },
        );
    (option::of(text()), settings(), vec(one, 0..6)).prop_map(|(display_name, settings, nodes)| {
        Declaration {
            display_name,
            settings,
            nodes,
        }
    })
}
