//! Documents that people write: an organization, an escalation policy, a check-in.

pub(crate) mod check_in;
#[cfg(test)]
mod fuzz;
pub(crate) mod organization;
pub(crate) mod policy;

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::time;

/// A duration such as `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) fn to_proto(self) -> prost_types::Duration {
        time::duration_to_proto(self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::parse_duration(&text)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time::duration_text(&self.to_proto()))
    }
}

/// A moment that means the same whenever the document is read: RFC 3339, or a date, which is its first moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = text.len() == "2026-12-01".len();
        let parsed = if date {
            text.parse::<Date>()
                .and_then(|date| date.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
        } else {
            text.parse()
        };
        parsed.map(Self).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is no date: write 2026-12-01 or 2026-12-01T09:00:00Z"
            ))
        })
    }
}

/// The example documents of docs/cli.md: each stands below a comment with its name.
#[cfg(test)]
pub(crate) fn example(name: &str) -> crate::input::Document {
    let book = include_str!("../../../docs/cli.md");
    let marker = format!("<!-- example: {name} -->");
    let after = book.split_once(&marker).expect("the example is there").1;
    let block = after.split("```").nth(1).expect("a block follows");
    let text = block.split_once('\n').expect("the block has lines").1;
    crate::input::Document::new(text)
}
