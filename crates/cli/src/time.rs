//! Durations and dates as people write them, ages as they read them.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A duration: `2d`, `3h`, `90m`, `1d12h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim())
        .map_err(|_| format!("`{text}` is no duration: write 2d, 3h, 90m or 1d12h"))
}

/// A moment: `+2d` or `2d` from now, RFC 3339, or a date, which means the end of that day in UTC.
pub(crate) fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let trimmed = text.trim();
    let no_moment = || {
        format!(
            "`{text}` is no date: write +2d, 2026-12-01 (the end of that day, UTC) or 2026-12-01T09:00:00Z"
        )
    };
    let relative = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if let Ok(duration) = humantime::parse_duration(relative) {
        return now
            .checked_add(duration)
            .map_err(|_| format!("`{text}` is too far away"));
    }
    if let Ok(date) = trimmed.parse::<Date>() {
        // jiff reads the date of a date and time, too: that one must name its offset.
        if trimmed.len() > "2026-12-01".len() {
            return trimmed.parse().map_err(|_| no_moment());
        }
        return date
            .at(23, 59, 59, 0)
            .to_zoned(TimeZone::UTC)
            .map(|zoned| zoned.timestamp())
            .map_err(|_| no_moment());
    }
    trimmed.parse().map_err(|_| no_moment())
}

/// A span, in its two largest units: `3d 4h`, `4h 12m`, `12m`, `45s`.
pub(crate) fn span(seconds: i64) -> String {
    const UNITS: [(i64, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
    let seconds = seconds.max(0);
    for (index, (size, unit)) in UNITS.iter().enumerate() {
        if seconds < *size {
            continue;
        }
        let whole = format!("{}{unit}", seconds / size);
        return match UNITS.get(index + 1) {
            // Seconds beside minutes would only flicker.
            Some((next, next_unit)) if *next > 1 && seconds % size >= *next => {
                format!("{whole} {}{next_unit}", seconds % size / next)
            }
            _ => whole,
        };
    }
    "0s".to_owned()
}

/// How long ago: `3d 4h`.
pub(crate) fn age(time: &prost_types::Timestamp, now: Timestamp) -> String {
    span(now.as_second() - time.seconds)
}

/// How far from now: `in 2d 3h`, `2d 3h ago`.
pub(crate) fn distance(time: &prost_types::Timestamp, now: Timestamp) -> String {
    let seconds = time.seconds - now.as_second();
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {}", span(seconds)),
        _ => format!("{} ago", span(-seconds)),
    }
}

/// A moment for people: `2026-11-03 09:15 UTC`.
pub(crate) fn moment(time: &prost_types::Timestamp) -> String {
    match from_proto(time) {
        Some(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        None => "?".to_owned(),
    }
}

/// A moment to the second: `2026-11-03 09:15:02 UTC`.
pub(crate) fn moment_to_second(time: &prost_types::Timestamp) -> String {
    match from_proto(time) {
        Some(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        None => "?".to_owned(),
    }
}

pub(crate) fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

pub(crate) fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    // A jiff timestamp before 1970 has negative nanoseconds, one on the wire never has.
    let nanos = time.subsec_nanosecond();
    let borrow = i32::from(nanos < 0);
    prost_types::Timestamp {
        seconds: time.as_second() - i64::from(borrow),
        nanos: nanos + borrow * 1_000_000_000,
    }
}

/// A duration on the wire; too long a one becomes the longest.
pub(crate) fn duration_to_proto(duration: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(duration).unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

/// A duration from the wire as documents write it: `7d`, `1d 12h`; exact to the second.
pub(crate) fn duration_text(duration: &prost_types::Duration) -> String {
    let mut rest = duration.seconds.max(0);
    let mut parts = Vec::new();
    for (size, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= size {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if parts.is_empty() {
        return "0s".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("2d", 172_800),
            ("3h", 10_800),
            ("90m", 5_400),
            ("1d12h", 129_600),
            (" 1d 12h ", 129_600),
            ("30s", 30),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in [
            "",
            "2",
            "d",
            "2x",
            "-2d",
            "two days",
            "99999999999999999999d",
        ] {
            let message = parse_duration(bad).unwrap_err();
            assert!(message.contains("write 2d, 3h"), "{message}");
        }
    }

    #[test]
    fn moments() {
        let now = at("2026-11-03T09:00:00Z");
        for (text, expected) in [
            ("+2d", "2026-11-05T09:00:00Z"),
            ("2d", "2026-11-05T09:00:00Z"),
            ("3h", "2026-11-03T12:00:00Z"),
            ("2026-12-01", "2026-12-01T23:59:59Z"),
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z"),
        ] {
            assert_eq!(parse_moment(text, now).unwrap(), at(expected), "{text}");
        }
        for bad in [
            "",
            "+",
            "soon",
            "2026-13-01",
            "2026-12-01T09:00",
            "2026-12-01 09:00",
            "01.12.2026",
            "-2d",
        ] {
            assert!(parse_moment(bad, now).is_err(), "{bad}");
        }
        assert!(parse_moment("999999d", at("9990-01-01T00:00:00Z")).is_err());
    }

    #[test]
    fn spans_show_two_units() {
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (45, "45s"),
            (60, "1m"),
            (725, "12m"),
            (15_120, "4h 12m"),
            (14_405, "4h"),
            (273_600, "3d 4h"),
            (86_400 + 300, "1d"),
            (8_640_000, "100d"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn distances_say_which_way() {
        let now = at("2026-11-03T09:00:00Z");
        let time = |text| to_proto(at(text));
        assert_eq!(distance(&time("2026-11-05T12:00:00Z"), now), "in 2d 3h");
        assert_eq!(distance(&time("2026-11-02T09:00:00Z"), now), "1d ago");
        assert_eq!(distance(&time("2026-11-03T09:00:00Z"), now), "now");
        assert_eq!(
            moment(&time("2026-11-03T09:15:02Z")),
            "2026-11-03 09:15 UTC"
        );
    }

    #[test]
    fn the_wire_and_back() {
        for text in ["2026-11-03T09:00:00.25Z", "1969-12-31T23:59:59.5Z"] {
            let proto = to_proto(at(text));
            assert!(proto.nanos >= 0);
            assert_eq!(from_proto(&proto).unwrap(), at(text));
        }
        let week = duration_to_proto(Duration::from_secs(7 * 86_400));
        assert_eq!(duration_text(&week), "7d");
        let odd = duration_to_proto(Duration::from_secs(129_601));
        assert_eq!(duration_text(&odd), "1d 12h 1s");
    }
}
