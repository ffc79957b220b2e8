//! The database's clock, as it was last read and has run on since: replicas agree on the time, and nobody asks for it
//! before every write.

use std::time::{Duration, Instant};

use echelon_domain::Timestamp;

/// How long a reading serves. A clock that is set meanwhile is followed after that.
const SERVES: Duration = Duration::from_secs(1);

/// What was read of the database's clock.
#[derive(Debug, Default)]
pub(super) struct DatabaseClock {
    reading: Option<(Timestamp, Instant)>,
}

impl DatabaseClock {
    /// Takes note of a reading; none: the database has no clock.
    pub(super) fn read(&mut self, time: Option<Timestamp>) {
        self.reading = time.map(|time| (time, Instant::now()));
    }

    /// The time now; none if it must be read first.
    pub(super) fn now(&self) -> Option<Timestamp> {
        let (time, at) = self.reading?;
        let since = at.elapsed();
        (since < SERVES).then(|| time.plus(since))
    }
}
