//! The escalation rules of the organizations.

use std::time::Duration;

use echelon_domain::policy::{Action, ClockBase, Late, Rule, Trigger};

use super::Scenario;

/// Nothing of the backlog falls due while it is measured: its timers are as long as timers may be.
const FAR: Duration = Duration::from_secs(366 * 86_400);
/// After this long on a level the timers' blockers move.
pub(super) const SOON: Duration = Duration::from_secs(3_600);

/// The rules in force at the root.
pub(super) fn at_root(scenario: Scenario) -> Vec<Rule> {
    match scenario {
        Scenario::Backlog => backlog(),
        Scenario::Morning => vec![up("up", "", Trigger::MeetingClosed)],
        Scenario::Timers { .. } => vec![up(
            "hour",
            "",
            Trigger::After {
                duration: SOON,
                since: ClockBase::LevelEntered,
            },
        )],
    }
}

/// The rules of those trains that leave everything to their meetings.
pub(super) fn by_meeting() -> Vec<Rule> {
    vec![
        up(
            "meeting",
            "meetings_survived >= 1 && !on_track",
            Trigger::MeetingClosed,
        ),
        up(
            "critical-meeting",
            "severity == \"CRITICAL\"",
            Trigger::MeetingClosed,
        ),
    ]
}

/// The default policy's rules with long timers, and without the one that carries a critical blocker up at once.
fn backlog() -> Vec<Rule> {
    let far = |since: ClockBase| Trigger::After {
        duration: FAR,
        since,
    };
    vec![
        up(
            "became-critical",
            "severity == \"CRITICAL\" && !on_track",
            Trigger::Changed,
        ),
        up(
            "commitment-missed",
            "commitment_missed",
            far(ClockBase::CommitTime),
        ),
        up(
            "team-meeting",
            "height == 0 && meetings_survived >= 1 && !on_track",
            Trigger::MeetingClosed,
        ),
        up(
            "team-time",
            "height == 0 && !on_track",
            far(ClockBase::Progress),
        ),
        up(
            "sos-meetings",
            "height == 1 && meetings_survived >= 2 && !on_track",
            Trigger::MeetingClosed,
        ),
        up(
            "sos-time",
            "height == 1 && !on_track",
            far(ClockBase::Progress),
        ),
        up(
            "above-meeting",
            "height >= 2 && meetings_survived >= 1 && !on_track",
            Trigger::MeetingClosed,
        ),
    ]
}

fn up(name: &str, when: &str, trigger: Trigger) -> Rule {
    Rule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger,
        action: Action::EscalateToParent,
        late: Late::Fire,
    }
}
