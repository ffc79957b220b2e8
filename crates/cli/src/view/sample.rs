//! Messages to make views of.

use echelon_client::{names, v1};
use jiff::Timestamp;

use crate::output::{View, line::Line};

/// 2026-11-03, nine in the morning.
pub(crate) fn now() -> Timestamp {
    "2026-11-03T09:00:00Z".parse().unwrap()
}

/// A moment so many seconds ago, or to come if negative.
pub(crate) fn ago(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: now().as_second() - seconds,
        nanos: 0,
    })
}

pub(crate) fn view(width: usize) -> View {
    View {
        width: Some(width),
        now: now(),
    }
}

pub(crate) fn node(id: &str) -> String {
    names::node("acme", id)
}

/// What would be printed, without colour.
pub(crate) fn plain(lines: &[Line]) -> String {
    lines.iter().map(|line| line.render(false) + "\n").collect()
}

/// A critical blocker of checkout, held by buying, three days old.
pub(crate) fn blocker() -> v1::Blocker {
    v1::Blocker {
        name: names::blocker("acme", 12),
        origin: node("checkout"),
        holder: node("buying"),
        title: "Payment sandbox rejects test cards".to_owned(),
        severity: v1::Severity::Critical.into(),
        state: v1::BlockerState::Raised.into(),
        escalation_state: v1::EscalationState::WaitingForMeeting.into(),
        raise_time: ago(3 * 86_400 + 4 * 3_600),
        level_enter_time: ago(7_500),
        episode: 1,
        escalation_count: 1,
        meetings_survived: 1,
        policy_version: names::policy_version("acme", "default", 1),
        reporter: "scrum-master@example.com".to_owned(),
        etag: "7".to_owned(),
        ..v1::Blocker::default()
    }
}
