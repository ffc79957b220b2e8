//! Identifiers: one type per entity, checked when made.

use std::{fmt, num::NonZeroU64, sync::Arc};

use crate::{
    error::{Error, FieldError},
    text::Text,
};

/// The longest slug, in characters.
const SLUG_MAX: usize = 63;

fn check_slug(field: &str, text: &str) -> Result<(), Error> {
    let starts_well = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let all_good = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if starts_well && all_good && text.len() <= SLUG_MAX {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(FieldError::new(
        field,
        format!(
            "`{shown}` is no id: use 1–{SLUG_MAX} characters of a-z, 0-9 and -, starting with a letter or digit"
        ),
    )
    .into())
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// Checks an id given in `field`. Errors: [`Error::Invalid`].
            pub fn new(field: &str, text: &str) -> Result<Self, Error> {
                check_slug(field, text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

slug!(
    /// Id of an organization.
    OrganizationId
);
slug!(
    /// Id of a node, unique in its organization.
    NodeId
);
slug!(
    /// Id of an escalation policy, unique in its organization.
    PolicyId
);

/// What turns a number into one that sorts alike and is 0 only for the least of all: an optional id takes no more room
/// than one that is there.
const SIGN: u64 = 1 << 63;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id with this number, counted from 1. The least number of all is taken for the one after it.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                match NonZeroU64::new(number.cast_unsigned() ^ SIGN) {
                    Some(number) => Self(number),
                    None => Self(NonZeroU64::MIN),
                }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                (self.0.get() ^ SIGN).cast_signed()
            }

            /// Reads the spoken form, in any case. Errors: [`Error::Invalid`].
            pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
                let digits = text
                    .strip_prefix($prefix)
                    .or_else(|| text.strip_prefix(&$prefix.to_ascii_lowercase()))
                    .unwrap_or("");
                match digits.parse::<i64>() {
                    Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                        Ok(Self::new(number))
                    }
                    _ => {
                        let shown: String = text.chars().take(80).collect();
                        Err(FieldError::new(
                            field,
                            format!("`{shown}` is no id: use {}1, {}2, …", $prefix, $prefix),
                        )
                        .into())
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.get())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

number!(
    /// Number of a blocker, unique in its organization; said aloud as `B-1042`.
    BlockerNumber,
    "B-"
);
number!(
    /// Number of a meeting, unique in its organization; said aloud as `M-17`.
    MeetingNumber,
    "M-"
);

/// Idempotency key of a mutating call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The longest key, in characters.
    pub const MAX: usize = 128;

    /// Checks a key: 1–128 printable ASCII characters. Errors: [`Error::Invalid`].
    pub fn new(field: &str, text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(FieldError::new(
                field,
                "use 1–128 printable ASCII characters without spaces, such as a UUID",
            )
            .into());
        }
        Ok(Self(text.into()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_checked() {
        for good in ["a", "0", "checkout", "sig-node--ci", &"a".repeat(63)] {
            assert!(NodeId::new("node", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a_b", "ä", "a/b", &"a".repeat(64)] {
            assert!(NodeId::new("node", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_sort_and_an_optional_id_takes_no_more_room() {
        let numbers = [i64::MIN + 1, -1, 0, 1, i64::MAX];
        let ids = numbers.map(BlockerNumber::new);
        assert!(ids.is_sorted());
        assert_eq!(ids.map(BlockerNumber::get), numbers);
        assert_eq!(size_of::<Option<BlockerNumber>>(), 8);
        assert_eq!(size_of::<Option<NodeId>>(), 8);
    }

    #[test]
    fn numbers_read_what_they_print() {
        let number = BlockerNumber::new(1042);
        assert_eq!(BlockerNumber::parse("name", "B-1042").unwrap(), number);
        assert_eq!(BlockerNumber::parse("name", "b-1042").unwrap(), number);
        for bad in [
            "",
            "B-",
            "B-0",
            "B--1",
            "B-+1",
            "M-1",
            "1042",
            "B-99999999999999999999",
        ] {
            assert!(BlockerNumber::parse("name", bad).is_err(), "{bad}");
        }
    }
}
