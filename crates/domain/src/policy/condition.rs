//! Conditions: CEL expressions over the facts, compiled and type-checked when a policy is saved.
//!
//! The language is cut down to what can be checked before it runs and is bounded by its length: no macros, no
//! functions but those on texts, no types but those of the facts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators},
    parser::Parser,
};

use super::fact::{self, FACTS, Fact, Subject, Type, Value};

/// Longest condition, in characters.
pub const LENGTH_MAX: usize = 2_000;
/// Deepest nesting of brackets and operators.
const NESTING_MAX: usize = 40;

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
        let (expression, positions) = catch_unwind(AssertUnwindSafe(|| parse(text)))
            .unwrap_or_else(|_| {
                Err(ConditionError {
                    column: 1,
                    message: "cannot be parsed: check brackets and quotes".to_owned(),
                })
            })?;
        let mut checker = Checker {
            positions: &positions,
            facts: Vec::new(),
        };
        let kind = checker.check(&expression)?;
        if kind != Type::Bool {
            return Err(checker.error(
                &expression,
                format!(
                    "is a {}: a condition must be a bool, such as a comparison",
                    kind.as_str()
                ),
            ));
        }
        let facts = checker.facts;
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

    /// Whether it holds. Errors: what went wrong, such as a label that is not there.
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

/// Refuses what could exhaust the parser: the limits are checked on the text, before it is parsed.
fn check_size(source: &str) -> Result<(), ConditionError> {
    let length = source.chars().count();
    if length > LENGTH_MAX {
        return Err(ConditionError {
            column: LENGTH_MAX + 1,
            message: format!(
                "has {length} characters, at most {LENGTH_MAX} are allowed: split the rule"
            ),
        });
    }
    let mut depth = 0_usize;
    let mut run = 0_usize;
    for (index, character) in source.chars().enumerate() {
        match character {
            '(' | '[' | '{' | '?' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = if matches!(character, '!' | '-') {
            run + 1
        } else {
            0
        };
        if depth > NESTING_MAX || run > NESTING_MAX {
            return Err(ConditionError {
                column: index + 1,
                message: format!(
                    "is nested more than {NESTING_MAX} deep: split the rule or flatten it"
                ),
            });
        }
    }
    Ok(())
}

fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), ConditionError> {
    Parser::new()
        .max_recursion_depth(200)
        .error_recovery_limit(1)
        .parse_with_source_info(source)
        .map_err(|errors| {
            let first = errors.errors.first();
            let column = first
                .and_then(|error| usize::try_from(error.pos.1).ok())
                .unwrap_or(0)
                .max(1);
            let message = first.map_or_else(String::new, |error| {
                error.msg.lines().next().unwrap_or_default().to_owned()
            });
            ConditionError {
                column,
                message: format!("cannot be parsed: {message}"),
            }
        })
}

struct Checker<'a> {
    positions: &'a SourceInfo,
    facts: Vec<&'static str>,
}

impl Checker<'_> {
    fn error(&self, at: &IdedExpr, message: impl Into<String>) -> ConditionError {
        let offset = self
            .positions
            .offset_for(at.id)
            .map_or(0, |(start, _)| start as usize);
        ConditionError {
            column: offset + 1,
            message: message.into(),
        }
    }

    fn check(&mut self, expression: &IdedExpr) -> Result<Type, ConditionError> {
        match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(Type::Bool),
                LiteralValue::Int(_) => Ok(Type::Int),
                LiteralValue::Double(_) => Ok(Type::Double),
                LiteralValue::String(_) => Ok(Type::String),
                LiteralValue::Null | LiteralValue::Bytes(_) | LiteralValue::UInt(_) => Err(self
                    .error(
                        expression,
                        "is of a type that no fact has: use a bool, a number or a string",
                    )),
            },
            Expr::Ident(name) => match fact::find(name) {
                Some(fact) => {
                    if !self.facts.contains(&fact.name) {
                        self.facts.push(fact.name);
                    }
                    Ok(fact.kind)
                }
                None => Err(self.error(expression, unknown_fact(name))),
            },
            Expr::List(list) => {
                let mut kind = None;
                for element in &list.elements {
                    let found = self.check(element)?;
                    if *kind.get_or_insert(found) != found {
                        return Err(self.error(element, "has another type than the elements before it: use one type"));
                    }
                }
                match kind {
                    Some(Type::String) => Ok(Type::StringList),
                    Some(Type::Int) => Ok(Type::IntList),
                    _ => Err(self.error(
                        expression,
                        "is no list of strings or whole numbers: name at least one of them",
                    )),
                }
            }
            Expr::Call(call) => self.check_call(expression, call),
            Expr::Select(select) => Err(self.error(
                expression,
                format!("has no field `{}`: write labels[\"key\"] to read a label", select.field),
            )),
            Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.error(
                    expression,
                    "is not allowed in a condition: use comparisons, && and ||, `in`, and the string functions",
                ))
            }
        }
    }

    fn check_call(
        &mut self,
        expression: &IdedExpr,
        call: &CallExpr,
    ) -> Result<Type, ConditionError> {
        let mut kinds = Vec::with_capacity(call.args.len() + 1);
        if let Some(target) = &call.target {
            kinds.push(self.check(target)?);
        }
        for argument in &call.args {
            kinds.push(self.check(argument)?);
        }
        let name = call.func_name.as_str();
        let known = match (name, kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [Type::Bool, Type::Bool])
            | (operators::LOGICAL_NOT, [Type::Bool])
            | (
                operators::EQUALS | operators::NOT_EQUALS,
                [Type::Bool, Type::Bool] | [Type::String, Type::String],
            )
            | ("startsWith" | "endsWith" | "contains" | "matches", [Type::String, Type::String])
            | (
                operators::IN,
                [Type::String, Type::StringList | Type::StringMap] | [Type::Int, Type::IntList],
            ) => Some(Type::Bool),
            (
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [Type::Int | Type::Double, Type::Int | Type::Double],
            ) => Some(Type::Bool),
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
                [Type::Int, Type::Int],
            )
            | (operators::MODULO, [Type::Int, Type::Int])
            | (operators::NEGATE, [Type::Int])
            | ("size", [Type::String | Type::StringList | Type::IntList | Type::StringMap]) => {
                Some(Type::Int)
            }
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
                [Type::Double, Type::Double],
            )
            | (operators::NEGATE, [Type::Double]) => Some(Type::Double),
            (operators::CONDITIONAL, [Type::Bool, yes, no]) if yes == no => Some(*yes),
            (operators::INDEX, [Type::StringMap, Type::String]) => Some(Type::String),
            _ => None,
        };
        known.ok_or_else(|| {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let shown = name.trim_matches('_').trim_start_matches('@');
            self.error(
                expression,
                format!(
                    "`{shown}` does not take ({}): compare values of one type, and use only the functions of the policy language",
                    kinds.join(", ")
                ),
            )
        })
    }
}

/// Names the fact that was probably meant.
fn unknown_fact(name: &str) -> String {
    let nearest = FACTS
        .iter()
        .map(|Fact { name: known, .. }| (distance(name, known), *known))
        .min();
    match nearest {
        Some((distance, known)) if distance <= 3 => {
            format!("`{name}` is no fact: did you mean `{known}`?")
        }
        _ => format!("`{name}` is no fact: see the list of facts in docs/policies.md"),
    }
}

/// Edit distance between two names.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let insert_or_delete = row[j].min(row[j + 1]) + 1;
            let replace = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = insert_or_delete.min(replace);
        }
    }
    row[b.len()]
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
