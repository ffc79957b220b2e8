//! Keys that make a mutating call safe to repeat.

use uuid::Uuid;

/// A fresh `request_id`: make one for each thing to do, not one for each attempt.
#[must_use]
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}
