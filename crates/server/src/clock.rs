//! The clock, injected: rules never read one, and tests advance it by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use echelon_domain::{Organization, Timestamp, organization::is_put_back};

/// Tells the time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that only moves when told to.
    Manual(ManualClock),
    /// The clocks of the machine and of the database, each off by what a test says while the server runs.
    Shifted(ClockShift),
}

impl Clock {
    /// The time now, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_time(),
            Self::Manual(clock) => clock.now(),
            Self::Shifted(shift) => shifted(system_time(), &shift.machine),
        }
    }

    /// The time of a write: the database's if it has a clock, because replicas share that one.
    pub(crate) fn of_write(&self, database: Option<Timestamp>) -> Timestamp {
        match (self, database) {
            (Self::System, Some(time)) => time,
            (Self::Shifted(shift), Some(time)) => shifted(time, &shift.database),
            (Self::System | Self::Shifted(_), None) | (Self::Manual(_), _) => self.now(),
        }
    }

    /// The time as of which to read an organization: never before its newest event, nor before its figures, unless these
    /// come from a time at which this clock was far ahead.
    #[must_use]
    pub fn time(&self, organization: &Organization) -> Timestamp {
        let now = self.now().max(organization.time());
        if is_put_back(organization.as_of(), now) {
            now
        } else {
            now.max(organization.as_of())
        }
    }
}

/// A clock that stands still until it is moved. Clones share one time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    micros: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at this time.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            micros: Arc::new(AtomicI64::new(start.as_micros())),
        }
    }

    /// The time it stands at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    /// Moves it forward.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Moves it to this time, which may lie earlier: a machine's clock may jump as well.
    pub fn set(&self, time: Timestamp) {
        self.micros.store(time.as_micros(), Ordering::SeqCst);
    }
}

/// By how much the clocks of the machine and of the database are off. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ClockShift {
    machine: Arc<AtomicI64>,
    database: Arc<AtomicI64>,
}

impl ClockShift {
    /// Sets it, in microseconds: clocks jump.
    pub fn set(&self, machine: i64, database: i64) {
        self.machine.store(machine, Ordering::SeqCst);
        self.database.store(database, Ordering::SeqCst);
    }
}

fn shifted(time: Timestamp, by: &AtomicI64) -> Timestamp {
    let micros = time.as_micros().saturating_add(by.load(Ordering::SeqCst));
    Timestamp::from_micros(micros)
}

fn system_time() -> Timestamp {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    };
    Timestamp::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_their_time() {
        let hand = ManualClock::new(Timestamp::from_micros(7));
        let clock = Clock::Manual(hand.clone());
        hand.advance(Duration::from_micros(5));
        assert_eq!(clock.now(), Timestamp::from_micros(12));
        hand.set(Timestamp::from_micros(3));
        assert_eq!(clock.now(), Timestamp::from_micros(3));
    }

    #[test]
    fn a_shift_moves_the_clock_of_the_machine_and_of_the_database() {
        let shift = ClockShift::default();
        let clock = Clock::Shifted(shift.clone());
        let database = Timestamp::from_micros(100);
        assert_eq!(clock.of_write(Some(database)), database);
        shift.set(3_600_000_000, -40);
        assert_eq!(clock.of_write(Some(database)), Timestamp::from_micros(60));
        assert!(clock.now() > Clock::System.now());
        assert!(clock.of_write(None) > Clock::System.now());
        assert_eq!(Clock::System.of_write(Some(database)), database);
    }
}
