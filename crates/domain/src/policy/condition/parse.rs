//! Parsing, within limits: what a caller wrote must exhaust neither a stack nor the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{IdedExpr, common::ast::SourceInfo, parser::Parser};

use super::{ConditionError, LENGTH_MAX};

/// Deepest nesting of brackets and operators.
const NESTING_MAX: usize = 20;
/// The same, as the parser counts it.
const PARSER_NESTING_MAX: u16 = 20;
/// Stack for the parser, which takes up to 150 KiB a level: more than a caller's thread may have. Only what is used
/// of it is ever committed.
const PARSER_STACK: usize = 32 * 1024 * 1024;

/// Runs on a thread of its own, with stack enough for whatever the limits let through.
pub(super) fn apart<T: Send>(
    run: impl FnOnce() -> Result<T, ConditionError> + Send,
) -> Result<T, ConditionError> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("condition".to_owned())
            .stack_size(PARSER_STACK)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(run)))
            .map_err(|error| ConditionError {
                column: 1,
                message: format!("cannot be parsed now, retry: {error}"),
            })?
            .join()
            .and_then(|compiled| compiled)
            .unwrap_or_else(|_| {
                Err(ConditionError {
                    column: 1,
                    message: "cannot be parsed: check brackets and quotes".to_owned(),
                })
            })
    })
}

/// Refuses what could exhaust the parser: the limits are checked on the text, before it is parsed.
pub(super) fn check_size(source: &str) -> Result<(), ConditionError> {
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
                message: nested(),
            });
        }
    }
    Ok(())
}

pub(super) fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), ConditionError> {
    Parser::new()
        .max_recursion_depth(PARSER_NESTING_MAX)
        .error_recovery_limit(1)
        .parse_with_source_info(source)
        .map_err(|errors| {
            let first = errors.errors.first();
            let column = first
                .and_then(|error| usize::try_from(error.pos.1).ok())
                .unwrap_or(0)
                .max(1);
            let cause = first.map_or("", |error| error.msg.lines().next().unwrap_or_default());
            let message = if cause.contains("Recursion limit") {
                nested()
            } else {
                format!("cannot be parsed: {cause}")
            };
            ConditionError { column, message }
        })
}

fn nested() -> String {
    format!("is nested more than {NESTING_MAX} deep: split the rule or flatten it")
}
