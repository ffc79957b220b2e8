//! Instants and spans. The API has nanoseconds, the domain microseconds: what is finer is cut off.

use std::time::Duration;

use echelon_domain::{Error, Timestamp, time::MICROS_PER_SECOND};

/// An instant as the API has it.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.as_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(MICROS_PER_SECOND),
        nanos: i32::try_from(micros.rem_euclid(MICROS_PER_SECOND) * 1_000).unwrap_or(0),
    }
}

/// An optional instant as the API has it.
#[must_use]
pub fn optional_timestamp(at: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    at.map(timestamp)
}

/// Reads an instant given in `field`. Errors: [`Error::Invalid`] outside the years 1 to 9999.
pub fn parse_timestamp(field: &str, at: &prost_types::Timestamp) -> Result<Timestamp, Error> {
    let micros = at
        .seconds
        .checked_mul(MICROS_PER_SECOND)
        .filter(|_| (0..1_000_000_000).contains(&at.nanos))
        .and_then(|micros| micros.checked_add(i64::from(at.nanos) / 1_000))
        .map(Timestamp::from_micros)
        .filter(|at| (Timestamp::MIN..=Timestamp::MAX).contains(at));
    micros.ok_or_else(|| {
        Error::field(
            field,
            "is out of range: use a time of the years 1 to 9999, with 0 to 999,999,999 nanoseconds",
        )
    })
}

/// Reads an optional instant given in `field`. Errors: as [`parse_timestamp`].
pub fn parse_optional_timestamp(
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Error> {
    at.map(|at| parse_timestamp(field, at)).transpose()
}

/// A span as the API has it.
#[must_use]
pub fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_micros() * 1_000).unwrap_or(0),
    }
}

/// Reads a span given in `field`. Errors: [`Error::Invalid`] if it is negative or longer than 10,000 years.
pub fn parse_duration(field: &str, span: &prost_types::Duration) -> Result<Duration, Error> {
    const SECONDS_MAX: u64 = 315_576_000_000;
    let seconds = u64::try_from(span.seconds)
        .ok()
        .filter(|seconds| *seconds <= SECONDS_MAX);
    let nanos = u32::try_from(span.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000);
    match (seconds, nanos) {
        (Some(seconds), Some(nanos)) => {
            Ok(Duration::from_secs(seconds) + Duration::from_micros((nanos / 1_000).into()))
        }
        _ => Err(Error::field(
            field,
            "is out of range: use a span of 0 seconds to 10,000 years",
        )),
    }
}

/// Reads an optional span given in `field`. Errors: as [`parse_duration`].
pub fn parse_optional_duration(
    field: &str,
    span: Option<&prost_types::Duration>,
) -> Result<Option<Duration>, Error> {
    span.map(|span| parse_duration(field, span)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_out_and_back() {
        for micros in [
            0,
            -1,
            1,
            1_795_000_000_123_456,
            Timestamp::MIN.as_micros(),
            Timestamp::MAX.as_micros(),
        ] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(parse_timestamp("t", &timestamp(at)).unwrap(), at);
        }
    }

    #[test]
    fn out_of_range_is_refused() {
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, i32::MAX)] {
            let at = prost_types::Timestamp { seconds, nanos };
            assert!(parse_timestamp("t", &at).is_err(), "{at:?}");
            let span = prost_types::Duration { seconds, nanos };
            assert!(parse_duration("d", &span).is_err(), "{span:?}");
        }
    }
}
