//! Rules that are none.

use echelon_api::v1::{self, ClockBase, EscalationRule, action, trigger};

use super::super::{
    cases::Cases,
    wanted::{condition, field},
};
use super::good;
use crate::support::{DAY, rpc::Rpc, rules, span};

/// Rules that are none, given in `at`.
pub(super) async fn faulty_rules<R: Rpc>(
    cases: &mut Cases<'_>,
    at: &str,
    make: impl Fn(Vec<EscalationRule>) -> R,
) {
    cases.refused(make(Vec::new()), field(at)).await;
    let named = |name: String| EscalationRule { name, ..good() };
    let many = (0..51)
        .map(|number| named(format!("rule-{number}")))
        .collect();
    cases.refused(make(many), field(at)).await;
    let second = |rule| make(vec![named("first".to_owned()), rule]);
    let at = |part: &str| format!("{at}[1].{part}");
    for name in ["", "A", "a b", "-a", &"a".repeat(64), &"x y".repeat(30_000)] {
        cases
            .refused(second(named(name.to_owned())), field(at("name")))
            .await;
    }
    let twice = second(named("first".to_owned()));
    cases
        .refused(twice, field(at("name")).saying("earlier rule"))
        .await;
    conditions(cases, &at("when"), |when| {
        second(EscalationRule { when, ..good() })
    })
    .await;
    for trigger in [None, Some(v1::Trigger { kind: None })] {
        cases
            .refused(
                second(EscalationRule { trigger, ..good() }),
                field(at("trigger")),
            )
            .await;
    }
    for action in [None, Some(v1::Action { kind: None })] {
        cases
            .refused(
                second(EscalationRule { action, ..good() }),
                field(at("action")),
            )
            .await;
    }
    let timed = |duration, since: i32| {
        let after = trigger::Kind::After(trigger::After { duration, since });
        second(rules::rule("timed", "", after))
    };
    let since = ClockBase::Progress.into();
    cases
        .refused(timed(None, since), field(at("trigger.after.duration")))
        .await;
    cases
        .spans(&at("trigger.after.duration"), |span| timed(span, since))
        .await;
    let long = span(367 * DAY);
    cases
        .refused(timed(long, since), field(at("trigger.after.duration")))
        .await;
    cases
        .enums(&at("trigger.after.since"), |since| timed(span(DAY), since))
        .await;
    cases
        .enums(&at("late"), |late| {
            second(EscalationRule { late, ..good() })
        })
        .await;
    let late = v1::LateMode::Skip.into();
    cases
        .refused(second(EscalationRule { late, ..good() }), field(at("late")))
        .await;
    actions(cases, &at("action"), |action| {
        second(rules::doing(good(), action))
    })
    .await;
}

async fn actions<R: Rpc>(cases: &mut Cases<'_>, at: &str, make: impl Fn(action::Kind) -> R) {
    for level in ["", "train", &"A".repeat(41)] {
        let level = level.to_owned();
        let action = action::Kind::EscalateToLevel(action::EscalateToLevel { level });
        cases
            .refused(make(action), field(format!("{at}.escalate_to_level.level")))
            .await;
    }
    let notify = |roles: &[&str], message: String| {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        make(action::Kind::Notify(action::Notify { roles, message }))
    };
    for roles in [&[][..], &["rte"], &["RTE", ""], &["RTE"; 21]] {
        let request = notify(roles, "Look at it".to_owned());
        cases
            .refused(request, field(format!("{at}.notify.roles")))
            .await;
    }
    cases
        .bodies(&format!("{at}.notify.message"), 1_000, |message| {
            notify(&["RTE"], message)
        })
        .await;
}

/// Conditions that do not compile: the column is told, and no bomb goes off.
async fn conditions<R: Rpc>(cases: &mut Cases<'_>, at: &str, make: impl Fn(String) -> R) {
    for (when, says) in [
        ("severity ==", "column "),
        ("severity == \"HIGH\" && nonsense > 1", "column 23"),
        ("meetings_survived >= \"1\"", "column "),
        ("meetings_survived", "column 1"),
        ("1 + 1", "must be a bool"),
        ("severity = \"HIGH\"", "column "),
        ("severity == 'HIGH", "column "),
        ("category.matches(\"(\")", "column "),
        ("category.matches(category)", "column "),
        ("labels[1] == \"x\"", "column "),
        ("[1, 2].map(x, x * 2) == [2, 4]", "column "),
        ("title == \"x\"", "column 1"),
        ("duration(\"1h\") > duration(\"2h\")", "column "),
        ("\u{0}", "column "),
        ("🦀", "column "),
    ] {
        cases
            .refused(make(when.to_owned()), condition(at).saying(says))
            .await;
    }
    for bomb in [
        format!("{}true{}", "(".repeat(900), ")".repeat(900)),
        format!("{}true", "!".repeat(1_900)),
        format!("{}1 == 1", "-".repeat(1_900)),
        format!("1{} == 1", "+1".repeat(900)),
        format!("true{}", " ? true : true".repeat(100)),
        format!("{}{}", "[".repeat(900), "]".repeat(900)),
        "{".repeat(1_900),
        "category.matches(\"((a{1000}){1000}){1000}\")".to_owned(),
        format!("category == \"{}\"", "x".repeat(2_000)),
        "x".repeat(1_000_000),
        "(".repeat(3_000_000),
    ] {
        cases
            .refused(make(bomb), condition(at).saying("column "))
            .await;
    }
}
