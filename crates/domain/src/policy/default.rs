//! The policy that a new organization comes with.

use std::time::Duration;

use super::{Action, ClockBase, Late, Rule, Trigger};

const DAY: Duration = Duration::from_secs(86_400);

/// At a team one meeting survived or one day; at a Scrum of Scrums two meetings or two days; above, one meeting; what
/// is critical at once, level by level. An owner who is on track is left alone, and a missed commitment moves up.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let up = |name: &str, when: &str, trigger: Trigger| Rule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger,
        action: Action::EscalateToParent,
        late: Late::Fire,
    };
    let days = |count: u32, since: ClockBase| Trigger::After {
        duration: DAY * count,
        since,
    };
    vec![
        up(
            "critical",
            "severity == \"CRITICAL\" && !on_track",
            Trigger::Raised,
        ),
        up(
            "became-critical",
            "severity == \"CRITICAL\" && !on_track",
            Trigger::Changed,
        ),
        up(
            "commitment-missed",
            "commitment_missed",
            days(0, ClockBase::CommitTime),
        ),
        up(
            "team-meeting",
            "height == 0 && meetings_survived >= 1 && !on_track",
            Trigger::MeetingClosed,
        ),
        up(
            "team-day",
            "height == 0 && !on_track",
            days(1, ClockBase::Progress),
        ),
        up(
            "sos-meetings",
            "height == 1 && meetings_survived >= 2 && !on_track",
            Trigger::MeetingClosed,
        ),
        up(
            "sos-days",
            "height == 1 && !on_track",
            days(2, ClockBase::Progress),
        ),
        up(
            "above-meeting",
            "height >= 2 && meetings_survived >= 1 && !on_track",
            Trigger::MeetingClosed,
        ),
    ]
}
