//! Instants and spans. The domain never reads a clock: time enters as an argument.

use std::{fmt, num::NonZeroU64, time::Duration};

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// An instant, in microseconds since 1970-01-01T00:00:00Z. One that is optional takes no more room than one that is not:
/// a blocker has many of those.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// What turns microseconds into a number that sorts alike and is 0 only for the least of all.
const SIGN: u64 = 1 << 63;

impl Timestamp {
    /// The earliest instant that input may name: 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self::from_micros(-62_135_596_800 * MICROS_PER_SECOND);
    /// The latest instant that input may name: the last microsecond of the year 9999.
    pub const MAX: Self = Self::from_micros(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// An instant from microseconds since the epoch. The least number of all is taken for the one after it.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        match NonZeroU64::new(micros.cast_unsigned() ^ SIGN) {
            Some(instant) => Self(instant),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        (self.0.get() ^ SIGN).cast_signed()
    }

    /// This instant plus a span, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.as_micros().saturating_add(micros)).min(Self::MAX)
    }

    /// This instant minus a span, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.as_micros().saturating_sub(micros)).max(Self::MIN)
    }

    /// The span since an earlier instant; zero if that lies later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(
            u64::try_from(self.as_micros().saturating_sub(earlier.as_micros())).unwrap_or(0),
        )
    }

    /// The number of the UTC day it lies in.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.as_micros().div_euclid(MICROS_PER_DAY)
    }
}

impl Default for Timestamp {
    /// The epoch.
    fn default() -> Self {
        Self::from_micros(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.as_micros())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.day());
        let second = self.as_micros().rem_euclid(MICROS_PER_DAY) / MICROS_PER_SECOND;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// Year, month and day of a day number, in the proleptic Gregorian calendar.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 {
        month_shifted + 3
    } else {
        month_shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

/// A span for people: `3d 4h`, `2h`, `45m`, `10s`; at most two units.
#[must_use]
pub fn humanize(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let Some(first) = units.iter().position(|(count, _)| *count > 0) else {
        return "0s".to_owned();
    };
    units[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_000_000, "2000-02-28T23:59:59Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (Timestamp::MIN.as_micros(), "0001-01-01T00:00:00Z"),
            (Timestamp::MAX.as_micros(), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn sorts_as_its_microseconds_do_and_an_optional_one_takes_no_more_room() {
        let micros = [i64::MIN + 1, -1, 0, 1, i64::MAX];
        let instants = micros.map(Timestamp::from_micros);
        assert!(instants.is_sorted());
        assert_eq!(instants.map(Timestamp::as_micros), micros);
        assert_eq!(Timestamp::from_micros(i64::MIN), instants[0]);
        assert_eq!(size_of::<Option<Timestamp>>(), 8);
    }

    #[test]
    fn says_spans_in_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (3600, "1h"),
            (90_061, "1d 1h"),
            (86_460, "1d"),
        ] {
            assert_eq!(humanize(Duration::from_secs(seconds)), text);
        }
    }
}
