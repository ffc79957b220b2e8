//! What may happen: operations whose parts are picks, made concrete by the world in which they run. So a history
//! shrinks well.

use std::time::Duration;

use echelon_domain::{
    blocker::Severity,
    policy::{Action, ClockBase, Late, Rule, Trigger},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    conditions::condition,
    support::{DAY, HOUR, MINUTE, level, notify},
};

/// Labels of levels.
pub(super) const LEVELS: [&str; 4] = ["TEAM", "SOS", "TRAIN", "SUPPLIER"];

/// Picks something out of what there is.
pub(super) type Pick = u16;

/// A step of a history.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Advance(Duration),
    PassTimers(usize),
    Foretell(Pick),
    Raise {
        origin: Pick,
        severity: Severity,
        due: Option<i32>,
        key: Option<u8>,
        label: bool,
        causing: Option<Pick>,
        anonymous: bool,
    },
    Open(Pick),
    CheckIn {
        meeting: Pick,
        node: Pick,
        raise: Option<Severity>,
        existing: Option<Pick>,
        may_block: Option<Pick>,
    },
    Close(Pick),
    CloseAgain(Pick),
    Acknowledge(Pick, Option<Duration>),
    Own(Pick, bool, Option<Duration>),
    Hold(Pick, Duration),
    Resolve(Pick),
    Verify(Pick),
    Reopen(Pick),
    Withdraw(Pick),
    Merge(Pick, Pick),
    Escalate(Pick, Option<Pick>),
    Return(Pick, Option<Pick>),
    Comment(Pick),
    Edit(Pick, Edit),
    CreateNode(Pick, Pick),
    Relabel(Pick, Pick),
    MoveNode(Pick, Pick),
    Archive(Pick),
    Apply(Vec<(Pick, bool)>),
    CreatePolicy(Pick, Vec<Rule>),
    UpdatePolicy(Pick, Vec<Rule>),
    Rebase(Pick),
}

/// A change of content.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Severity(Severity),
    Due(Option<i32>),
    Description(u8),
    Label(bool),
    Causing(Pick),
}

fn severity() -> impl Strategy<Value = Severity> {
    select(&Severity::ALL[..])
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => select(vec![
            Duration::from_micros(1),
            59 * Duration::from_secs(1),
            61 * Duration::from_secs(1),
            30 * MINUTE,
            HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            5 * DAY,
            40 * DAY,
        ]),
        1 => (0_u64..400_000).prop_map(Duration::from_secs),
    ]
}

fn trigger() -> impl Strategy<Value = Trigger> {
    let durations = select(vec![
        Duration::ZERO,
        30 * Duration::from_secs(1),
        HOUR,
        DAY,
        2 * DAY,
        366 * DAY,
    ]);
    prop_oneof![
        2 => Just(Trigger::Raised),
        3 => Just(Trigger::MeetingClosed),
        1 => Just(Trigger::Changed),
        6 => (durations, select(&ClockBase::ALL[..]))
            .prop_map(|(duration, since)| Trigger::After { duration, since }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => Just(Action::EscalateToParent),
        2 => select(&LEVELS[..]).prop_map(|label| Action::EscalateToLevel(level(label))),
        1 => Just(Action::EscalateToCommonAncestor),
        1 => Just(Action::EscalateToRoot),
        1 => Just(Action::RequireOwner),
        1 => Just(notify()),
    ]
}

/// A policy that can be saved.
pub(super) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let when = prop_oneof![2 => Just(String::new()), 3 => condition()];
    // Names come from a small set, so that versions share some.
    let rule = (when, trigger(), action(), select(&Late::ALL[..]), 0_u8..8);
    vec(rule, 1..6).prop_map(|rules| {
        let mut made: Vec<Rule> = Vec::new();
        for (when, trigger, action, late, name) in rules {
            let name = format!("rule-{name}");
            if made.iter().any(|rule| rule.name == name) {
                continue;
            }
            let timed = matches!(trigger, Trigger::After { .. });
            made.push(Rule {
                name,
                when,
                trigger,
                action,
                late: if timed { late } else { Late::Fire },
            });
        }
        made
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        severity().prop_map(Edit::Severity),
        option::of(-100..100).prop_map(Edit::Due),
        any::<u8>().prop_map(Edit::Description),
        any::<bool>().prop_map(Edit::Label),
        any::<Pick>().prop_map(Edit::Causing),
    ]
}

fn of_the_clock() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => span().prop_map(Step::Advance),
        4 => prop_oneof![Just(1_000_usize), 0_usize..3].prop_map(Step::PassTimers),
        2 => any::<Pick>().prop_map(Step::Foretell),
    ]
}

fn of_meetings() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    prop_oneof![
        4 => pick().prop_map(Step::Open),
        2 => (pick(), pick(), option::of(severity()), option::of(pick()), option::of(pick()))
            .prop_map(|(meeting, node, raise, existing, may_block)| Step::CheckIn {
                meeting,
                node,
                raise,
                existing,
                may_block,
            }),
        4 => pick().prop_map(Step::Close),
        1 => pick().prop_map(Step::CloseAgain),
    ]
}

fn of_blockers() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    let raise = (
        pick(),
        severity(),
        option::of(-100..100),
        option::weighted(0.2, 0_u8..3),
        any::<bool>(),
        option::of(pick()),
        any::<bool>(),
    )
        .prop_map(
            |(origin, severity, due, key, label, causing, anonymous)| Step::Raise {
                origin,
                severity,
                due,
                key,
                label,
                causing,
                anonymous,
            },
        );
    prop_oneof![
        8 => raise,
        2 => (pick(), option::of(span())).prop_map(|(b, until)| Step::Acknowledge(b, until)),
        2 => (pick(), any::<bool>(), option::of(span())).prop_map(|(b, who, date)| Step::Own(b, who, date)),
        2 => (pick(), span()).prop_map(|(b, until)| Step::Hold(b, until)),
        2 => pick().prop_map(Step::Resolve),
        2 => pick().prop_map(Step::Verify),
        2 => pick().prop_map(Step::Reopen),
        1 => pick().prop_map(Step::Withdraw),
        1 => (pick(), pick()).prop_map(|(a, b)| Step::Merge(a, b)),
        2 => (pick(), option::of(pick())).prop_map(|(b, to)| Step::Escalate(b, to)),
        2 => (pick(), option::of(pick())).prop_map(|(b, to)| Step::Return(b, to)),
        1 => pick().prop_map(Step::Comment),
        3 => (pick(), edit()).prop_map(|(b, edit)| Step::Edit(b, edit)),
    ]
}

fn of_the_tree() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    prop_oneof![
        2 => (pick(), pick()).prop_map(|(parent, label)| Step::CreateNode(parent, label)),
        1 => (pick(), pick()).prop_map(|(node, label)| Step::Relabel(node, label)),
        3 => (pick(), pick()).prop_map(|(node, parent)| Step::MoveNode(node, parent)),
        2 => pick().prop_map(Step::Archive),
        1 => vec((pick(), prop::bool::weighted(0.8)), 20).prop_map(Step::Apply),
    ]
}

fn of_policies() -> impl Strategy<Value = Step> {
    let pick = any::<Pick>;
    prop_oneof![
        1 => (pick(), rules()).prop_map(|(node, rules)| Step::CreatePolicy(node, rules)),
        2 => (pick(), rules()).prop_map(|(policy, rules)| Step::UpdatePolicy(policy, rules)),
        1 => pick().prop_map(Step::Rebase),
    ]
}

/// A history: how the tree begins, as (parent, level) picks, the first rules if not the default ones, and the steps.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) tree: Vec<(Pick, Pick)>,
    pub(super) rules: Option<Vec<Rule>>,
    pub(super) steps: Vec<Step>,
}

pub(super) fn history(length: usize) -> impl Strategy<Value = History> {
    let step = prop_oneof![
        6 => of_the_clock(),
        6 => of_meetings(),
        10 => of_blockers(),
        2 => of_the_tree(),
        1 => of_policies(),
    ];
    (
        vec((any::<Pick>(), any::<Pick>()), 2..10),
        option::of(rules()),
        vec(step, 1..length),
    )
        .prop_map(|(tree, rules, steps)| History { tree, rules, steps })
}
