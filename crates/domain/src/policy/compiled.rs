//! A policy version with its conditions compiled.

use std::collections::BTreeMap;

use super::{
    Rule, Version,
    condition::{Condition, ConditionError},
    fact::Subject,
};

/// A policy version with its conditions compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct CompiledVersion {
    /// The version.
    pub version: Version,
    conditions: Vec<Result<Condition, ConditionError>>,
}

/// Whether a rule's condition is met.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is, because of these facts, as CEL literals.
    Met(BTreeMap<String, String>),
    /// It is not, for this reason.
    NotMet(String),
}

impl CompiledVersion {
    /// Compiles a version. A condition that does not compile is never met, and says why: it delays no other rule.
    #[must_use]
    pub fn new(version: Version) -> Self {
        let conditions = version
            .rules
            .iter()
            .map(|rule| Condition::compile(&rule.when))
            .collect();
        Self {
            version,
            conditions,
        }
    }

    /// The rules, in order, each with its index.
    pub fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.version.rules.iter().enumerate()
    }

    /// The facts that the condition of the rule at `index` reads, as CEL literals.
    #[must_use]
    pub fn facts(&self, index: usize, subject: &Subject<'_>) -> BTreeMap<String, String> {
        match self.conditions.get(index) {
            Some(Ok(condition)) => condition
                .facts(subject)
                .map(|(name, value)| (name.to_owned(), value.literal()))
                .collect(),
            Some(Err(_)) | None => BTreeMap::new(),
        }
    }

    /// Whether the condition of the rule at `index` is met.
    #[must_use]
    pub fn verdict(&self, index: usize, subject: &Subject<'_>) -> Verdict {
        let condition = match self.conditions.get(index) {
            None => return Verdict::NotMet("the rule does not exist".to_owned()),
            Some(Err(error)) => {
                return Verdict::NotMet(format!(
                    "the condition does not compile (column {}): {}",
                    error.column, error.message
                ));
            }
            Some(Ok(condition)) => condition,
        };
        let facts = self.facts(index, subject);
        match condition.holds(subject) {
            Ok(true) => Verdict::Met(facts),
            Ok(false) => {
                let known: Vec<String> = facts
                    .iter()
                    .map(|(name, value)| format!("{name} is {value}"))
                    .collect();
                Verdict::NotMet(format!(
                    "`{}` does not hold: {}",
                    condition.source(),
                    known.join(", ")
                ))
            }
            Err(error) => Verdict::NotMet(format!(
                "`{}` cannot be decided: {error}",
                condition.source()
            )),
        }
    }
}
