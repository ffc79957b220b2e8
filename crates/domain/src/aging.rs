//! What changes about a blocker with the clock alone: it becomes due soon, overdue, aged.

use crate::{blocker::Blocker, profile::Settings, time::Timestamp};

/// The shortest span there is.
const TICK: std::time::Duration = std::time::Duration::from_micros(1);

/// How a blocker stands at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Past its due or committed date.
    pub(crate) overdue: bool,
    /// Due or committed soon.
    pub(crate) due_soon: bool,
    /// Open for long.
    pub(crate) aged: bool,
}

impl Stage {
    /// How it stands at an instant; what is closed stands nowhere.
    pub(crate) fn of(blocker: &Blocker, settings: &Settings, now: Timestamp) -> Self {
        if !blocker.is_open() {
            return Self::default();
        }
        let deadline = blocker.deadline();
        let overdue = deadline.is_some_and(|at| at <= now);
        Self {
            overdue,
            due_soon: !overdue
                && deadline.is_some_and(|at| at <= now.plus(settings.due_soon_within)),
            aged: now.since(blocker.content.raised_at) > settings.aged_after,
        }
    }
}

/// The next instant, later than this one, at which the clock alone may change its stage or its rank.
pub(crate) fn next_change(
    blocker: &Blocker,
    settings: &Settings,
    now: Timestamp,
) -> Option<Timestamp> {
    if !blocker.is_open() {
        return None;
    }
    let aged = blocker
        .content
        .raised_at
        .plus(settings.aged_after)
        .plus(TICK);
    let dates = [blocker.content.due_at, blocker.status.committed_at];
    dates
        .into_iter()
        .flatten()
        .flat_map(|at| [at.minus(settings.due_soon_within), at])
        .chain([aged])
        .filter(|at| *at > now)
        .min()
}
