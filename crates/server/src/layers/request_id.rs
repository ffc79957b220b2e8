//! A call's id, for logs and for people who ask about it: the caller's, or a new one.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LENGTH_MAX: usize = 128;

/// The caller's id if it is fit for a log, else a random one.
pub(super) fn of(headers: &HeaderMap) -> HeaderValue {
    let is_fit = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    headers
        .get(HEADER)
        .filter(is_fit)
        .cloned()
        .unwrap_or_else(|| {
            let id = RandomIdGenerator::default().new_trace_id().to_string();
            HeaderValue::from_str(&id).expect("hexadecimal digits are a header's value")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_that_is_fit_for_a_log_is_taken_over() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(id("build-17/a"), "build-17/a");
        for unfit in ["", "two words", "é", &"x".repeat(129)] {
            assert_ne!(id(unfit), unfit);
            assert_eq!(id(unfit).len(), 32);
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
