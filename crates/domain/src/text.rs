//! Text that people write: how it is kept, and checks of it.

mod shared;

pub use shared::Text;

use crate::error::{Error, FieldError};

/// Longest title or name, in characters.
pub const TITLE_MAX: usize = 200;
/// Longest description, comment, reason, in characters.
pub const BODY_MAX: usize = 10_000;
/// Longest note or decision, in characters.
pub const NOTE_MAX: usize = 1_000;

/// Checks a required line of at most `max` characters without control characters; trims it.
/// Errors: [`Error::Invalid`].
pub fn line(field: &str, text: &str, max: usize) -> Result<String, Error> {
    let text = optional_line(field, text, max)?;
    if text.is_empty() {
        return Err(
            FieldError::new(field, "must not be empty: write at least one character").into(),
        );
    }
    Ok(text)
}

/// As [`line()`], and may be empty. Errors: [`Error::Invalid`].
pub fn optional_line(field: &str, text: &str, max: usize) -> Result<String, Error> {
    let text = text.trim();
    one_line(field, text)?;
    length(field, text, max)?;
    Ok(text.to_owned())
}

/// Checks that a recorded line, which may be empty, is as [`optional_line`] leaves it. Errors: [`Error::Invalid`].
pub fn check_line(field: &str, text: &str, max: usize) -> Result<(), Error> {
    if text.trim().len() != text.len() {
        return Err(
            FieldError::new(field, "must not begin or end with white space: cut it off").into(),
        );
    }
    one_line(field, text)?;
    length(field, text, max)
}

/// Checks a text of at most `max` characters, that may have lines and be empty. Errors: [`Error::Invalid`].
pub fn body(field: &str, text: &str, max: usize) -> Result<String, Error> {
    check_body(field, text, max)?;
    Ok(text.to_owned())
}

/// As [`body`], and keeps no copy. Errors: [`Error::Invalid`].
pub fn check_body(field: &str, text: &str, max: usize) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(FieldError::new(field, "must not contain NUL characters: remove them").into());
    }
    length(field, text, max)
}

/// As [`body`], and must say something. Errors: [`Error::Invalid`].
pub fn required_body(field: &str, text: &str, max: usize) -> Result<String, Error> {
    if text.trim().is_empty() {
        return Err(
            FieldError::new(field, "must not be empty: write at least one character").into(),
        );
    }
    body(field, text, max)
}

/// Checks a constant such as a level label or a role: 1–40 characters of `A-Z`, `0-9`, `_` and `-`.
/// Errors: [`Error::Invalid`].
pub fn constant(field: &str, text: &str) -> Result<String, Error> {
    let good = !text.is_empty()
        && text.len() <= 40
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if good {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().take(60).collect();
    Err(FieldError::new(
        field,
        format!("`{shown}` is no label: use 1–40 characters of A-Z, 0-9, _ and -, such as TEAM"),
    )
    .into())
}

fn one_line(field: &str, text: &str) -> Result<(), Error> {
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(
            field,
            "must be one line without control characters: remove line breaks and tabs",
        )
        .into());
    }
    Ok(())
}

fn length(field: &str, text: &str, max: usize) -> Result<(), Error> {
    // A character has at least one byte.
    if text.len() <= max {
        return Ok(());
    }
    let count = text.chars().count();
    if count > max {
        return Err(FieldError::new(
            field,
            format!("has {count} characters, at most {max} are allowed: shorten it"),
        )
        .into());
    }
    Ok(())
}
