//! `docs/policies.md` says what the code does: facts, words, examples and the default policy.

use std::time::Duration;

use echelon_domain::policy::{
    Action, ClockBase, Late, Rule, Trigger, check_rules, default, fact::FACTS,
};
use serde_yaml_ng::Value;

use crate::support::{Desk, level, policy};

const DOCUMENT: &str = include_str!("../../../../docs/policies.md");

/// The lines of a section, up to the next heading.
fn section(heading: &str) -> Vec<&'static str> {
    DOCUMENT
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .collect()
}

/// The examples: each stands below a comment with its name.
fn examples() -> Vec<(&'static str, Value)> {
    DOCUMENT
        .split("<!-- example: ")
        .skip(1)
        .map(|part| {
            let (name, rest) = part
                .split_once(" -->\n```yaml\n")
                .expect("a name, then the example");
            let (yaml, _) = rest.split_once("\n```").expect("the example ends");
            (
                name,
                serde_yaml_ng::from_str(yaml).unwrap_or_else(|error| panic!("{name}: {error}")),
            )
        })
        .collect()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value:?}"))
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "h" => 3600,
        "d" => 86_400,
        other => panic!("unit {other}"),
    };
    Duration::from_secs(seconds * number.parse::<u64>().expect("a number"))
}

fn trigger(on: &Value) -> Trigger {
    match on.as_str() {
        Some("raised") => Trigger::Raised,
        Some("meeting_closed") => Trigger::MeetingClosed,
        Some("changed") => Trigger::Changed,
        Some(other) => panic!("trigger {other}"),
        None => Trigger::After {
            duration: duration(text(&on["after"])),
            since: on.get("since").map_or(ClockBase::Progress, |since| {
                let base = ClockBase::ALL
                    .iter()
                    .find(|base| base.as_str() == text(since));
                *base.expect("a clock base")
            }),
        },
    }
}

fn action(what: &Value) -> Action {
    match what.as_str() {
        Some("escalate_to_parent") => Action::EscalateToParent,
        Some("escalate_to_common_ancestor") => Action::EscalateToCommonAncestor,
        Some("escalate_to_root") => Action::EscalateToRoot,
        Some("require_owner") => Action::RequireOwner,
        Some(other) => panic!("action {other}"),
        None => match (what.get("escalate_to_level"), what.get("notify")) {
            (Some(label), None) => Action::EscalateToLevel(level(text(label))),
            (None, Some(notify)) => Action::Notify {
                roles: notify["roles"]
                    .as_sequence()
                    .expect("roles")
                    .iter()
                    .map(|role| text(role).to_owned())
                    .collect(),
                message: text(&notify["message"]).to_owned(),
            },
            _ => panic!("action {what:?}"),
        },
    }
}

fn rules(example: &Value) -> Vec<Rule> {
    let rules = example["rules"].as_sequence().expect("rules");
    rules
        .iter()
        .map(|rule| Rule {
            name: text(&rule["name"]).to_owned(),
            when: rule
                .get("when")
                .map_or_else(String::new, |when| text(when).to_owned()),
            trigger: trigger(&rule["on"]),
            action: action(&rule["do"]),
            late: rule.get("late").map_or(Late::Fire, |late| {
                let mode = Late::ALL.iter().find(|mode| mode.as_str() == text(late));
                *mode.expect("a late mode")
            }),
        })
        .collect()
}

#[test]
fn the_table_of_facts_is_that_of_the_code() {
    let rows: Vec<String> = section("### Facts")
        .into_iter()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    let expected: Vec<String> = FACTS
        .iter()
        .map(|fact| {
            format!(
                "| `{}` | {} | {} |",
                fact.name,
                fact.kind.as_str(),
                fact.doc
            )
        })
        .collect();
    assert_eq!(
        rows,
        expected,
        "docs/policies.md should have:\n{}",
        expected.join("\n")
    );
}

#[test]
fn every_word_of_the_language_is_documented() {
    let words = |heading: &str| section(heading).join("\n");
    for base in ClockBase::ALL {
        assert!(words("## Triggers").contains(&format!("| `{}` |", base.as_str())));
    }
    for mode in Late::ALL {
        assert!(words("## Late").contains(&format!("| `{}` |", mode.as_str())));
    }
    for word in [
        "raised",
        "meeting_closed",
        "changed",
        "{after: 2d, since: progress}",
    ] {
        assert!(
            words("## Triggers").contains(&format!("| `{word}` |")),
            "{word}"
        );
    }
    for word in [
        "escalate_to_parent`",
        "escalate_to_level: TRAIN`",
        "escalate_to_common_ancestor`",
        "escalate_to_root`",
        "require_owner`",
        "notify: {roles: [RTE], message: \"…\"}`",
    ] {
        assert!(
            words("## Actions").contains(&format!("| `{word} |")),
            "{word}"
        );
    }
    for function in [
        "startsWith",
        "endsWith",
        "contains",
        "matches",
        "size",
        "labels[",
        " in ",
    ] {
        assert!(words("## Conditions").contains(function), "{function}");
    }
}

#[test]
fn the_default_policy_is_documented_in_full() {
    let examples = examples();
    let (_, documented) = examples
        .iter()
        .find(|(name, _)| *name == "default")
        .expect("it is there");
    assert_eq!(rules(documented), default::rules());
    let desk = Desk::new();
    let saved = desk
        .organization
        .policy(&policy("default"))
        .expect("it comes with the organization");
    assert_eq!(saved.display_name, text(&documented["display_name"]));
}

#[test]
fn every_example_can_be_saved() {
    let examples = examples();
    assert!(examples.len() >= 8, "{}", examples.len());
    for (name, example) in &examples {
        assert_eq!(text(&example["policy"]), *name);
        let rules = rules(example);
        if let Err(error) = check_rules("rules", &rules) {
            panic!("{name}: {error}");
        }
        assert!(rules.iter().any(|rule| rule.action.moves()), "{name}");
    }
}

#[test]
fn every_example_moves_something() {
    use echelon_domain::{blocker::Severity, explain::simulate};
    for (name, example) in &examples() {
        let mut desk = Desk::with_rules(vec![crate::support::rule("none", "", Trigger::Changed)]);
        desk.set_rules(rules(example));
        let mut blocker = crate::support::new_blocker("team-a1", "stuck", Severity::High);
        blocker.due_at = Some(desk.now.plus(crate::support::DAY));
        blocker.causing_nodes = vec![crate::support::node("team-b1")];
        blocker.labels = [("release".to_owned(), "v2".to_owned())].into();
        let number = desk.raise_new(blocker);
        let steps = simulate(&desk.organization, &desk.blocker(number), desk.now);
        assert!(
            steps
                .iter()
                .any(|step| step.effect == "escalates to solution"),
            "{name}: {steps:#?}"
        );
    }
}
