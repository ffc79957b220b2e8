//! Conversions between the API and the domain, one file per noun. They destructure every field, so that a new one does
//! not compile until it is mapped. What comes in is checked for form here and for meaning in the domain.

pub mod blocker;
pub mod error;
pub mod event;
pub mod explain;
pub mod mask;
pub mod meeting;
pub mod moved;
pub mod name;
pub mod node;
pub mod organization;
pub mod policy;
pub mod rollup;
pub mod time;

use echelon_domain::Error;

/// The etag of an entity that was last changed at this revision.
#[must_use]
pub fn etag(revision: i64) -> String {
    revision.to_string()
}

/// The revision that an etag expects; none if it is empty. Errors: [`Error::Invalid`].
pub fn parse_etag(field: &str, etag: &str) -> Result<Option<i64>, Error> {
    if etag.is_empty() {
        return Ok(None);
    }
    etag.parse().map(Some).map_err(|_| {
        Error::field(
            field,
            "is no etag: send back the one that was read, or none",
        )
    })
}

/// The text, or none if it is empty: proto3 strings have no presence.
#[must_use]
pub fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The value of an enum field. Errors: [`Error::Invalid`] for a number that this server does not know.
pub(crate) fn known<T: TryFrom<i32>>(field: &str, number: i32) -> Result<T, Error> {
    T::try_from(number).map_err(|_| {
        Error::field(
            field,
            format!(
                "has the value {number}, which this server does not know: use a documented one"
            ),
        )
    })
}

/// A count as the API has it.
pub(crate) fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
