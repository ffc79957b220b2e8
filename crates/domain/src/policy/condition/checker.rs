//! Type-checking: what is not of the language is refused here, with its column.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators},
};
use regex::RegexBuilder;

use super::{
    super::fact::{self, FACTS, Fact, Type},
    ConditionError,
};

/// Most operators that build on each other, as in `1 + 1 + 1`: the evaluation takes up to 40 KiB of the caller's
/// stack for each.
const DEPTH_MAX: usize = 20;
/// Largest compiled pattern of `matches`, in bytes: it is compiled whenever the condition is evaluated.
const PATTERN_MAX: usize = 256 * 1024;

/// Checks that a condition is one of the language, and true or false. Yields the facts that it reads.
pub(super) fn check(
    source: &str,
    expression: &IdedExpr,
    positions: &SourceInfo,
) -> Result<Vec<&'static str>, ConditionError> {
    let mut checker = Checker {
        source,
        positions,
        facts: Vec::new(),
        depth: 0,
    };
    let kind = checker.check(expression)?;
    if kind != Type::Bool {
        return Err(checker.error(
            expression,
            format!(
                "is of type {}: a condition must be a bool, such as a comparison",
                kind.as_str()
            ),
        ));
    }
    Ok(checker.facts)
}

struct Checker<'a> {
    source: &'a str,
    positions: &'a SourceInfo,
    facts: Vec<&'static str>,
    depth: usize,
}

impl Checker<'_> {
    fn error(&self, at: &IdedExpr, message: impl Into<String>) -> ConditionError {
        let offset = self
            .positions
            .offset_for(at.id)
            .map_or(0, |(start, _)| start as usize);
        let before = self
            .source
            .char_indices()
            .take_while(|(at, _)| *at < offset);
        ConditionError {
            column: before.count() + 1,
            message: message.into(),
        }
    }

    fn check(&mut self, expression: &IdedExpr) -> Result<Type, ConditionError> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(
                expression,
                format!("is part of a chain of more than {DEPTH_MAX} operators: split the rule"),
            ));
        }
        self.depth += 1;
        let kind = self.check_part(expression);
        self.depth -= 1;
        kind
    }

    fn check_part(&mut self, expression: &IdedExpr) -> Result<Type, ConditionError> {
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

    /// Patterns and the keys of labels must stand in the condition, so that they can be checked with it.
    fn check_written_out(&self, call: &CallExpr) -> Result<(), ConditionError> {
        let name = call.func_name.as_str();
        let Some(last) = call
            .args
            .last()
            .filter(|_| name == "matches" || name == operators::INDEX)
        else {
            return Ok(());
        };
        let Some(text) = literal(last) else {
            return Err(self.error(
                last,
                "is no text in quotes: write the pattern, or the key of the label, out",
            ));
        };
        if name == "matches" {
            RegexBuilder::new(text)
                .size_limit(PATTERN_MAX)
                .build()
                .map_err(|error| {
                    let cause = error.to_string();
                    let cause = cause.lines().last().unwrap_or_default();
                    let cause = cause.trim_start_matches("error: ").to_lowercase();
                    let cause = cause.trim_end_matches('.');
                    self.error(last, format!("is no usable pattern: {cause}; simplify it"))
                })?;
        }
        Ok(())
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
        self.check_written_out(call)?;
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

/// The text of a literal.
fn literal(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
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
