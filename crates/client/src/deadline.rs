//! When a call must be answered, all its attempts together.

use std::time::Duration;

use tokio::time::Instant;
use tonic::codegen::http::{HeaderMap, HeaderValue};

/// Header in which a call says how long it may take.
pub(crate) const TIMEOUT: &str = "grpc-timeout";
/// With several servers no attempt is cut off earlier than this, so that one that hangs is left while there is time.
const ATTEMPT_MIN: Duration = Duration::from_secs(1);
/// Most digits of a timeout on the wire.
const DIGITS_MAX: u128 = 99_999_999;

/// The deadline of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
}

/// How long one attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) span: Duration,
    /// There is time for another attempt behind it.
    pub(crate) leaves_time: bool,
}

impl Deadline {
    /// The caller's own, or the default.
    pub(crate) fn of(headers: &HeaderMap, default: Duration) -> Self {
        let asked = headers.get(TIMEOUT).and_then(read);
        Self {
            at: Instant::now() + asked.unwrap_or(default),
        }
    }

    /// How long the next attempt may take: all of what remains, or half of it where another server could be asked.
    pub(crate) fn next_attempt(&self, servers: usize) -> Limit {
        let remaining = self.at.saturating_duration_since(Instant::now());
        let half = (remaining / 2).max(ATTEMPT_MIN);
        if servers > 1 && half < remaining {
            return Limit {
                span: half,
                leaves_time: true,
            };
        }
        Limit {
            span: remaining,
            leaves_time: false,
        }
    }

    /// Whether an attempt after a wait would still be in time.
    pub(crate) fn allows(&self, wait: Duration) -> bool {
        Instant::now() + wait < self.at
    }
}

/// A timeout as the protocol writes it; none if it is malformed.
fn read(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.checked_mul(3600)?),
        "M" => Duration::from_secs(number.checked_mul(60)?),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A timeout for the wire, as fine as its eight digits allow.
pub(crate) fn write(span: Duration) -> HeaderValue {
    let units = [(span.as_micros(), 'u'), (span.as_millis(), 'm')];
    let fine = units.into_iter().find(|(number, _)| *number <= DIGITS_MAX);
    let seconds = (u128::from(span.as_secs()).min(DIGITS_MAX), 'S');
    let (number, unit) = fine.unwrap_or(seconds);
    HeaderValue::try_from(format!("{number}{unit}")).expect("digits and a letter are a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_it_is_written() {
        for (span, text) in [
            (Duration::from_millis(1500), "1500000u"),
            (Duration::from_secs(600), "600000m"),
            (Duration::from_secs(200_000), "200000S"),
        ] {
            assert_eq!(write(span), text);
            assert_eq!(read(&write(span)), Some(span));
        }
        for bad in ["", "S", "1", "1x", "-1S", "é"] {
            assert_eq!(
                HeaderValue::from_str(bad).ok().as_ref().and_then(read),
                None
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_several_attempts_takes_half_of_what_remains() {
        let deadline = Deadline::of(&HeaderMap::new(), Duration::from_secs(8));
        assert_eq!(deadline.next_attempt(1).span, Duration::from_secs(8));
        let limit = deadline.next_attempt(3);
        assert_eq!(
            (limit.span, limit.leaves_time),
            (Duration::from_secs(4), true)
        );
        tokio::time::advance(Duration::from_millis(7_500)).await;
        let limit = deadline.next_attempt(3);
        assert_eq!(
            (limit.span, limit.leaves_time),
            (Duration::from_millis(500), false)
        );
        assert!(deadline.allows(Duration::from_millis(100)));
        assert!(!deadline.allows(Duration::from_secs(1)));
    }
}
