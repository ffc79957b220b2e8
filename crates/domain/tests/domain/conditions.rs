//! Conditions: what is well typed can be decided, and nothing that can be written does harm.

use std::{collections::BTreeMap, fmt::Write as _};

use echelon_domain::{
    blocker::Severity,
    policy::{
        condition::Condition,
        fact::{FACTS, Subject, Type},
    },
};
use proptest::{prelude::*, sample::select};

use crate::support::{Desk, new_blocker, node};

fn facts(kind: Type) -> Vec<String> {
    FACTS
        .iter()
        .filter(|fact| fact.kind == kind)
        .map(|fact| fact.name.to_owned())
        .collect()
}

fn int() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => select(facts(Type::Int)),
        2 => (0_i64..5).prop_map(|number| number.to_string()),
        1 => Just("size(category)".to_owned()),
        1 => Just("-1".to_owned()),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        (inner.clone(), select(vec!["+", "-", "*"]), inner)
            .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    })
}

fn double() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(facts(Type::Double)),
        2 => (0_u32..100).prop_map(|number| format!("{number}.5")),
        1 => Just("(age_hours * 2.0 - level_hours)".to_owned()),
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(facts(Type::String)),
        3 => select(vec!["\"HIGH\"", "\"CRITICAL\"", "\"TEAM\"", "\"\"", "\"ä\\\"\""]).prop_map(str::to_owned),
        2 => select(vec!["labels[\"area\"]", "labels[\"nowhere\"]"]).prop_map(str::to_owned),
    ]
}

/// A well-typed condition, with no division.
pub(crate) fn condition() -> impl Strategy<Value = String> {
    let compare = || select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let number = || prop_oneof![int(), double()];
    let leaf = prop_oneof![
        3 => select(facts(Type::Bool)),
        1 => select(vec!["true", "false"]).prop_map(str::to_owned),
        3 => (number(), compare(), number()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        3 => (string(), select(vec!["==", "!="]), string()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        1 => (string(), select(vec!["startsWith", "endsWith", "contains"]), string())
            .prop_map(|(a, function, b)| format!("{a}.{function}({b})")),
        1 => string().prop_map(|a| format!("{a}.matches(\"^[A-Z]+$\")")),
        1 => string().prop_map(|a| format!("{a} in [\"HIGH\", \"TRAIN\"]")),
        1 => int().prop_map(|a| format!("{a} in [1, 2, 3]")),
        1 => string().prop_map(|a| format!("{a} in labels")),
        1 => Just("size(labels) > 0".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

/// Decides a condition about a blocker labelled `area: payments`.
fn decide(source: &str) -> Result<bool, String> {
    let mut desk = Desk::new();
    let mut blocker = new_blocker("team-a1", "no test system", Severity::High);
    blocker.category = "environment".to_owned();
    blocker.labels = BTreeMap::from([("area".to_owned(), "payments".to_owned())]);
    let number = desk.raise_new(blocker);
    let blocker = desk.blocker(number);
    let condition =
        Condition::compile(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    condition.holds(&Subject {
        organization: &desk.organization,
        content: &blocker.content,
        status: &blocker.status,
        now: desk.now,
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_well_typed_can_be_decided(source in condition()) {
        if Condition::compile(&source).is_ok() {
            prop_assert!(decide(&source).is_ok(), "{source}: {:?}", decide(&source));
        } else {
            // Only the limits refuse it.
            let error = Condition::compile(&source).expect_err("seen above");
            prop_assert!(error.message.contains("split the rule"), "{source}: {error:?}");
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(source in "\\PC{0,80}") {
        drop(Condition::compile(&source));
    }

    #[test]
    fn no_tokens_make_the_compiler_panic(tokens in prop::collection::vec(select(vec![
        "severity", "labels", "age_hours", "height", "owned", "x", "==", "!=", "<", "&&", "||", "!", "-", "+", "/", "%",
        "in", "?", ":", "(", ")", "[", "]", "{", "}", ".", ",", "\"a\"", "'", "r\"", "1", "1u", "0x", "1e999", "b\"\"",
        "null", "true", "size", "matches", "has", "exists", "map", "all", "//", "\n", "@", "\\",
    ]), 0..30)) {
        drop(Condition::compile(&tokens.join(" ")));
        drop(Condition::compile(&tokens.concat()));
    }
}

#[test]
fn conditions_say_what_they_seem_to_say() {
    for (source, holds) in [
        ("", true),
        ("severity == \"HIGH\"", true),
        ("severity_rank >= 3 && !owned", true),
        ("severity in [\"LOW\", \"MEDIUM\"]", false),
        ("height == 0", true),
        ("height == 0.0", true),
        ("1 == 1.0", true),
        ("1.0 != 1", false),
        ("depth == 3 && is_root == false", true),
        ("level == \"TEAM\" && origin_level == level", true),
        ("category.matches(\"^env\")", true),
        (
            "category.contains(\"ron\") && category.startsWith(\"e\") && category.endsWith(\"t\")",
            true,
        ),
        ("size(category) == 11 && size(labels) == 1", true),
        ("hours_until_due > 1000000.0 && !has_due_date", true),
        ("owner == \"\" && !on_track", true),
        ("7 / 2 == 3 && 7 % 2 == 1 && -(-3) == 3", true),
    ] {
        assert_eq!(decide(source), Ok(holds), "{source}");
    }
}

#[test]
fn a_label_that_is_not_there_reads_as_an_empty_text() {
    for (source, holds) in [
        ("labels[\"area\"] == \"payments\"", true),
        ("labels[\"team\"] == \"\"", true),
        ("labels[\"team\"] != \"core\"", true),
        ("!(labels[\"team\"] == \"core\")", true),
        (
            "labels[\"team\"].startsWith(\"c\") || severity == \"HIGH\"",
            true,
        ),
        ("\"team\" in labels", false),
        (
            "\"area\" in labels && labels[\"area\"] in [\"payments\"]",
            true,
        ),
    ] {
        assert_eq!(decide(source), Ok(holds), "{source}");
    }
}

#[test]
fn arithmetic_that_fails_says_so_and_panics_nowhere() {
    for source in [
        "9223372036854775807 + severity_rank > 0",
        "-9223372036854775807 - 2 - severity_rank < 0",
        "9223372036854775807 * severity_rank > 0",
        "1 / height == 1",
        "1 % height == 1",
        "-(-9223372036854775807 - 1) > 0",
        "(-9223372036854775807 - 1) / -1 > 0",
    ] {
        let error = decide(source).expect_err(source);
        assert!(!error.is_empty());
    }
    // Unless the rest decides it.
    assert_eq!(decide("severity == \"HIGH\" || 1 / height == 1"), Ok(true));
    assert_eq!(decide("1 / height == 1 || severity == \"HIGH\""), Ok(true));
}

#[test]
fn patterns_and_keys_are_checked_when_the_policy_is_saved() {
    for (source, column, part) in [
        (
            "category.matches(\"(\")",
            18,
            "is no usable pattern: unclosed group",
        ),
        ("category.matches(\"(?<=a)b\")", 18, "is no usable pattern"),
        ("category.matches(\"(\\\\w{200}){200}\")", 18, "size limit"),
        ("category.matches(owner)", 18, "write the pattern"),
        (
            "labels[owner] == \"x\"",
            8,
            "write the pattern, or the key of the label, out",
        ),
        ("category == \"ä\" && x", 20, "`x` is no fact"),
    ] {
        let error = Condition::compile(source).expect_err(source);
        assert!(error.message.contains(part), "{source}: {error:?}");
        assert_eq!(error.column, column, "{source}: {error:?}");
    }
}

#[test]
fn no_condition_exhausts_a_small_stack() {
    let long = |part: &str| part.repeat(1_990 / part.len());
    let mut hostile = vec![
        format!("{}1 > 0", "1+".repeat(990)),
        format!("1{}", "<1".repeat(990)),
        format!("owned{}", "==true".repeat(330)),
        format!("owned{}", "&&owned||owned".repeat(140)),
        format!("category{}", ".size()".repeat(280)),
        format!("labels{} == \"\"", ".a".repeat(990)),
        format!("{}true", "! ".repeat(990)),
        format!("{}true", "!//\n".repeat(490)),
        format!(
            "{}true{}",
            "(\")\"==category||".repeat(110),
            ")".repeat(110)
        ),
        format!("{}true", "\")\"==\")\"?true:".repeat(130)),
        format!("{}1{} > 0", "-(".repeat(40), ")".repeat(40)),
    ];
    for part in [
        "(", "[", "{", "!(", "-(", "true?", "size(", "a.b(", "{1:", "[1,", "\"", "'", "\\",
    ] {
        hostile.push(long(part));
        hostile.push(part.repeat(40));
    }
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let thread = small.spawn(move || {
        let mut compiled = String::new();
        for source in &hostile {
            if Condition::compile(source).is_ok() {
                write!(compiled, "{} ", source.len()).expect("a text can be written to");
            }
        }
        compiled
    });
    thread
        .expect("a thread can be started")
        .join()
        .expect("it does not panic");
}

#[test]
fn the_deepest_condition_that_compiles_is_decided_on_a_small_stack() {
    let deep = [
        format!("{}true{}", "!(".repeat(18), ")".repeat(18)),
        format!("{}0 == 18", "1 + ".repeat(18)),
        vec!["owned"; 200].join(" || "),
    ];
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let thread = small.spawn(move || deep.map(|source| decide(&source)));
    let decided = thread
        .expect("a thread can be started")
        .join()
        .expect("it does not panic");
    assert_eq!(decided, [Ok(true), Ok(true), Ok(false)]);
}

#[test]
fn facts_read_what_they_say() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::Critical);
    let blocker = desk.blocker(number);
    let subject = Subject {
        organization: &desk.organization,
        content: &blocker.content,
        status: &blocker.status,
        now: desk.now,
    };
    let facts: BTreeMap<&str, String> = FACTS
        .iter()
        .map(|fact| (fact.name, fact.read(&subject).literal()))
        .collect();
    assert_eq!(facts["severity_rank"], "4");
    assert_eq!(facts["holder"], "\"sos-a\"");
    assert_eq!(facts["origin"], "\"team-a1\"");
    assert_eq!(facts["height"], "1");
    assert_eq!(facts["depth"], "2");
    assert_eq!(facts["arrival"], "\"escalated\"");
    assert_eq!(facts["escalations"], "1");
    assert_eq!(facts["anonymous"], "false");
    assert_eq!(facts["labels"], "{}");
    assert_eq!(desk.organization.tree().height(&node("solution")), 3);
}
