//! Words and colours for the values of enums.

use anstyle::Style;
use clap::ValueEnum;
use echelon_client::v1;
use serde::Deserialize;

use crate::output::{line::Line, style};

/// How bad a blocker is, as people write it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Severity {
    /// A nuisance.
    #[serde(alias = "low")]
    Low,
    /// Work slows down.
    #[serde(alias = "medium", alias = "MED", alias = "med")]
    #[value(alias = "med")]
    Medium,
    /// A team's work stops, or a date is at risk.
    #[serde(alias = "high")]
    High,
    /// Several teams or a release stop.
    #[serde(alias = "critical", alias = "CRIT", alias = "crit")]
    #[value(alias = "crit")]
    Critical,
}

impl Severity {
    /// The severity that a word means, in upper or lower case.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::from_str(word, true).ok()
    }

    pub(crate) fn to_proto(self) -> v1::Severity {
        match self {
            Self::Low => v1::Severity::Low,
            Self::Medium => v1::Severity::Medium,
            Self::High => v1::Severity::High,
            Self::Critical => v1::Severity::Critical,
        }
    }
}

/// Severity of a message.
pub(crate) fn severity(severity: v1::Severity) -> Line {
    let (word, style) = match severity {
        v1::Severity::Unspecified => ("-", style::DIM),
        v1::Severity::Low => ("LOW", style::DIM),
        v1::Severity::Medium => ("MEDIUM", style::PLAIN),
        v1::Severity::High => ("HIGH", style::YELLOW),
        v1::Severity::Critical => ("CRITICAL", style::ALARM),
    };
    Line::styled(style, word)
}

/// State of a blocker.
pub(crate) fn blocker_state(state: v1::BlockerState) -> Line {
    let (word, style) = match state {
        v1::BlockerState::Unspecified => ("-", style::DIM),
        v1::BlockerState::Raised => ("RAISED", style::RED),
        v1::BlockerState::Acknowledged => ("ACKNOWLEDGED", style::YELLOW),
        v1::BlockerState::Owned => ("OWNED", style::CYAN),
        v1::BlockerState::OnHold => ("ON HOLD", style::DIM),
        v1::BlockerState::Resolved => ("RESOLVED", style::GREEN),
        v1::BlockerState::Verified => ("VERIFIED", style::GREEN),
        v1::BlockerState::Withdrawn => ("WITHDRAWN", style::DIM),
        v1::BlockerState::Merged => ("MERGED", style::DIM),
    };
    Line::styled(style, word)
}

/// True while a blocker still blocks.
pub(crate) fn is_open(state: v1::BlockerState) -> bool {
    match state {
        v1::BlockerState::Raised
        | v1::BlockerState::Acknowledged
        | v1::BlockerState::Owned
        | v1::BlockerState::OnHold => true,
        v1::BlockerState::Unspecified
        | v1::BlockerState::Resolved
        | v1::BlockerState::Verified
        | v1::BlockerState::Withdrawn
        | v1::BlockerState::Merged => false,
    }
}

/// What a meeting did to a blocker: a mark, a word and a colour.
pub(crate) fn fate(kind: v1::blocker_fate::Kind) -> (&'static str, &'static str, Style) {
    use v1::blocker_fate::Kind;
    match kind {
        Kind::Unspecified => ("?", "-", style::DIM),
        Kind::Solved => ("✓", "solved", style::GREEN),
        Kind::CarriedOver => ("·", "carried over", style::DIM),
        Kind::Escalated => ("↑", "escalated", style::YELLOW),
        Kind::Returned => ("↓", "returned", style::CYAN),
        Kind::Exhausted => ("!", "exhausted", style::ALARM),
    }
}

/// What a rule says now.
pub(crate) fn outcome(outcome: v1::rule_verdict::Outcome) -> Line {
    use v1::rule_verdict::Outcome;
    let (word, style) = match outcome {
        Outcome::Unspecified => ("-", style::DIM),
        Outcome::Holds => ("holds", style::GREEN),
        Outcome::NotMet => ("not met", style::DIM),
        Outcome::Waiting => ("waiting", style::YELLOW),
        Outcome::Spent => ("spent", style::DIM),
        Outcome::Suspended => ("suspended", style::DIM),
        Outcome::NoTarget => ("no level above", style::RED),
    };
    Line::styled(style, word)
}

/// Why something needs attention.
pub(crate) fn reason(reason: v1::AttentionReason) -> Line {
    use v1::AttentionReason as Reason;
    let (word, style) = match reason {
        Reason::Unspecified => ("-", style::DIM),
        Reason::Exhausted => ("exhausted", style::ALARM),
        Reason::CriticalUnowned => ("critical, unowned", style::ALARM),
        Reason::CommitmentMissed => ("commitment missed", style::RED),
        Reason::Overdue => ("overdue", style::RED),
        Reason::OwnerRequired => ("owner required", style::YELLOW),
        Reason::Escalated => ("escalated", style::YELLOW),
        Reason::DueSoon => ("due soon", style::YELLOW),
        Reason::Aged => ("aged", style::PLAIN),
        Reason::AwaitingVerification => ("to verify", style::GREEN),
    };
    Line::styled(style, word)
}

/// `1 blocker`, `2 blockers`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_read_in_any_case() {
        for (word, severity) in [
            ("HIGH", Some(Severity::High)),
            ("high", Some(Severity::High)),
            ("Crit", Some(Severity::Critical)),
            ("med", Some(Severity::Medium)),
            ("huge", None),
            ("", None),
        ] {
            assert_eq!(Severity::from_word(word), severity, "{word}");
        }
    }

    #[test]
    fn things_are_counted() {
        assert_eq!(counted(1, "node", "nodes"), "1 node");
        assert_eq!(counted(0, "node", "nodes"), "0 nodes");
    }
}
