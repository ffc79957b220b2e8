//! When blockers were raised, by whom, and which of them are open: a merge of two orders, so that nothing need be kept.

use std::time::Duration;

use echelon_domain::Timestamp;

use super::dice::Dice;

const DAY: Duration = Duration::from_secs(86_400);
/// How far back the organization's history goes.
pub(super) const HISTORY: Duration = Duration::from_secs(730 * 86_400);
/// The age of the oldest open blocker.
const OLDEST_OPEN: Duration = Duration::from_secs(200 * 86_400);
/// Nothing was raised later than this long ago.
const LATEST: Duration = Duration::from_secs(3_600);
/// Steps between teams of consecutive blockers: prime, so that every team has its turn before one has it again.
pub(super) const STRIDE: usize = 7_919;
const CLOSED_SEED: u64 = 0x636c_6f73;
const OPEN_SEED: u64 = 0x6f70_656e;

/// One blocker of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which team raised it.
    pub(super) team: usize,
    /// When.
    pub(super) raised_at: Timestamp,
    /// Whether it is still open.
    pub(super) is_open: bool,
}

/// Every blocker, in the order of raising: the closed ones evenly over the history, the open ones mostly of late.
#[derive(Debug)]
pub(super) struct Schedule {
    teams: usize,
    now: Timestamp,
    closed: Turn,
    open: Turn,
}

/// A place in one of the two orders.
#[derive(Debug)]
struct Turn {
    next: usize,
    count: usize,
}

impl Schedule {
    pub(super) const fn new(
        teams: usize,
        open_per_team: usize,
        closed_per_team: usize,
        now: Timestamp,
    ) -> Self {
        Self {
            teams,
            now,
            closed: Turn {
                next: 0,
                count: teams * closed_per_team,
            },
            open: Turn {
                next: 0,
                count: teams * open_per_team,
            },
        }
    }

    fn closed_at(&self) -> Option<Timestamp> {
        let share = self.closed.share(CLOSED_SEED)?;
        let span = (HISTORY - DAY).mul_f64(share);
        Some(self.now.minus(HISTORY - DAY - span).minus(LATEST))
    }

    fn open_at(&self) -> Option<Timestamp> {
        let share = self.open.share(OPEN_SEED)?;
        let age = OLDEST_OPEN.mul_f64((1.0 - share).powi(5));
        Some(self.now.minus(age).minus(LATEST))
    }
}

impl Turn {
    /// How far it is, from 0 to 1, never less than before.
    fn share(&self, seed: u64) -> Option<f64> {
        if self.next == self.count {
            return None;
        }
        let within = Dice::new(seed, self.next as u64).below(1_000) as f64 / 1_000.0;
        Some((self.next as f64 + within) / self.count as f64)
    }
}

impl Iterator for Schedule {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let (closed, open) = (self.closed_at(), self.open_at());
        let is_open = match (closed, open) {
            (None, None) => return None,
            (Some(closed), Some(open)) => open < closed,
            (Some(_), None) => false,
            (None, Some(_)) => true,
        };
        let raised_at = if is_open { open? } else { closed? };
        let turn = if is_open {
            &mut self.open
        } else {
            &mut self.closed
        };
        let team = turn.next * STRIDE % self.teams;
        turn.next += 1;
        Some(Slot {
            team,
            raised_at,
            is_open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_team_has_its_share_and_time_never_runs_back() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut teams = vec![(0, 0); 100];
        let mut last = Timestamp::MIN;
        for slot in Schedule::new(100, 10, 90, now) {
            assert!(slot.raised_at >= last);
            last = slot.raised_at;
            let (open, closed) = &mut teams[slot.team];
            if slot.is_open {
                *open += 1;
            } else {
                *closed += 1;
            }
        }
        assert!(last < now);
        assert!(teams.iter().all(|team| *team == (10, 90)));
    }
}
