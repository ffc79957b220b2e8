//! Marks: rules that are spent since real progress was last made.

use super::Few;
use crate::{text::Text, time::Timestamp};

/// The marks of a blocker, at most one per rule.
pub type Marks = Few<RuleMark>;

/// What became of a rule since real progress was last made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMark {
    /// Name of the rule.
    pub rule: Text,
    /// What became of it.
    pub kind: MarkKind,
    /// When.
    pub at: Timestamp,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// It acted.
    Fired,
    /// It was late and skips.
    Skipped,
    /// It came due and its condition was not met; an edit makes it look again.
    Unmatched,
    /// It was late and its duration runs anew from then.
    Restarted,
}

impl MarkKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Fired, Self::Skipped, Self::Unmatched, Self::Restarted];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Skipped => "skipped",
            Self::Unmatched => "unmatched",
            Self::Restarted => "restarted",
        }
    }
}
