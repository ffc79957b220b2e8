//! Conditions: CEL expressions over the facts, compiled and type-checked when a policy is saved.
//!
//! The language is cut down to what can be checked before it runs and is bounded by its length: no macros, no
//! functions but those on texts, no types but those of the facts.

mod checker;
mod labels;
mod parse;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, IdedExpr};

use self::{
    checker::check,
    labels::read_missing_labels,
    parse::{apart, check_size, parse},
};
use super::fact::{self, Subject, Value};

/// Longest condition, in characters.
pub const LENGTH_MAX: usize = 2_000;

/// Why a condition does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// A compiled condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    source: String,
    expression: IdedExpr,
    facts: Vec<&'static str>,
}

impl Condition {
    /// Compiles and type-checks a condition; an empty one always holds. Errors: [`ConditionError`].
    pub fn compile(source: &str) -> Result<Self, ConditionError> {
        let trimmed = source.trim();
        let text = if trimmed.is_empty() { "true" } else { source };
        check_size(text)?;
        let (expression, facts) = apart(|| compile(text))?;
        Ok(Self {
            source: trimmed.to_owned(),
            expression,
            facts,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds. Errors: what went wrong, such as a division by zero.
    pub fn holds(&self, subject: &Subject<'_>) -> Result<bool, String> {
        static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
        let evaluate = || {
            let mut context = Context::with_env(ENVIRONMENT.clone());
            for (name, value) in self.facts(subject) {
                bind(&mut context, name, value);
            }
            context.resolve(&self.expression)
        };
        match catch_unwind(AssertUnwindSafe(evaluate)) {
            Ok(Ok(cel::Value::Bool(holds))) => Ok(holds),
            Ok(Ok(_)) => Err("is no bool".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("cannot be evaluated".to_owned()),
        }
    }

    /// The facts that it reads, with their values.
    pub fn facts<'a>(
        &'a self,
        subject: &'a Subject<'_>,
    ) -> impl Iterator<Item = (&'static str, Value)> + 'a {
        self.facts
            .iter()
            .filter_map(|name| fact::find(name))
            .map(|fact| (fact.name, fact.read(subject)))
    }
}

fn bind(context: &mut Context<'_, '_>, name: &str, value: Value) {
    match value {
        Value::Bool(value) => context.add_variable_from_value(name, value),
        Value::Int(value) => context.add_variable_from_value(name, value),
        Value::Double(value) => context.add_variable_from_value(name, value),
        Value::String(value) => context.add_variable_from_value(name, value),
        Value::Map(value) => {
            let map: std::collections::HashMap<String, String> = value.into_iter().collect();
            context.add_variable_from_value(name, map);
        }
    }
}

/// Parses and type-checks; also yields the facts that are read.
fn compile(source: &str) -> Result<(IdedExpr, Vec<&'static str>), ConditionError> {
    let (mut expression, positions) = parse(source)?;
    let facts = check(source, &expression, &positions)?;
    read_missing_labels(&mut expression);
    Ok((expression, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_conditions_compile() {
        for good in [
            "",
            "true",
            "severity == \"CRITICAL\"",
            "age_hours > 24.0 && !owned",
            "age_hours > 24",
            "severity in [\"HIGH\", \"CRITICAL\"] || meetings_survived >= 2",
            "\"release\" in labels && labels[\"release\"].startsWith(\"v1.\")",
            "height == 0 ? meetings_survived >= 1 : meetings_survived >= 2",
            "size(category) > 0",
            "escalations + 1 > 2",
        ] {
            assert!(
                Condition::compile(good).is_ok(),
                "{good}: {:?}",
                Condition::compile(good)
            );
        }
    }

    #[test]
    fn bad_conditions_say_where_and_why() {
        for (bad, column, part) in [
            ("sevrity == \"HIGH\"", 1, "did you mean `severity`"),
            ("owned && age > 3", 10, "`age` is no fact"),
            ("severity == 3", 10, "does not take (string, int)"),
            ("age_hours", 1, "must be a bool"),
            ("owned &&", 9, "cannot be parsed"),
            ("labels.exists(l, l == \"x\")", 14, "not allowed"),
            ("labels.team == \"x\"", 7, "labels[\"key\"]"),
            ("timestamp(\"x\") == 3", 10, "does not take"),
        ] {
            let error = Condition::compile(bad).unwrap_err();
            assert!(error.message.contains(part), "{bad}: {error:?}");
            assert_eq!(error.column, column, "{bad}: {error:?}");
        }
    }

    #[test]
    fn hostile_conditions_are_refused() {
        for hostile in [
            "(".repeat(1_900),
            format!("{}true", "!".repeat(1_900)),
            "[".repeat(1_000),
            "a".repeat(2_001),
            "\"".repeat(999),
            "true?".repeat(300),
            "\u{0}".to_owned(),
        ] {
            assert!(Condition::compile(&hostile).is_err());
        }
        // Long and flat is fine.
        let flat = vec!["owned"; 200].join(" && ");
        assert!(Condition::compile(&flat).is_ok());
    }
}
