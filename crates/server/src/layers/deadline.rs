//! A call ends at its deadline: the caller's, else the default, and never later than the most allowed.
//!
//! tonic has a timer for `grpc-timeout` as well, outside of every layer, which answers CANCELLED without a reason. A
//! caller's deadline therefore passes here a little early, so that this answer always comes first. What a call has
//! handed to a writer is committed all the same: a caller that retries with its request_id gets the answer.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use echelon_api::{convert::error::plain, v1::ErrorReason};
use http::HeaderMap;
use tokio::time::Instant;
use tonic::Code;

use super::{Layers, Request, Response, method::Method, status};
use crate::deadline;

/// How much earlier than the caller's deadline it passes here, at most.
const MARGIN: Duration = Duration::from_millis(10);

pub(super) async fn deadline<F: Future<Output = Response>>(
    layers: &Layers,
    method: &Method,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if method.streams {
        return next(request).await;
    }
    let asked = asked(request.headers());
    let allowed = asked.unwrap_or(layers.timeout).min(layers.timeout_max);
    let early = match asked {
        Some(asked) if asked == allowed => MARGIN.min(allowed / 10),
        _ => Duration::ZERO,
    };
    let deadline = Instant::now() + allowed.saturating_sub(early);
    let work = pin!(deadline::scope(deadline, next(request)));
    match within(deadline, work).await {
        Some(response) => response,
        None => status::answer(plain(
            Code::DeadlineExceeded,
            ErrorReason::DeadlineExceeded,
            format!(
                "the call did not finish within {}: retry with its request_id and more time",
                humantime::format_duration(allowed)
            ),
        )),
    }
}

/// The answer, if it comes in time. Looks at the clock and not only at its timer: tonic's may ring first though it was
/// set to a later time.
async fn within(
    deadline: Instant,
    mut answer: Pin<&mut impl Future<Output = Response>>,
) -> Option<Response> {
    let mut timer = pin!(tokio::time::sleep_until(deadline));
    poll_fn(move |context| {
        if let Poll::Ready(response) = answer.as_mut().poll(context) {
            return Poll::Ready(Some(response));
        }
        if timer.as_mut().poll(context).is_ready() || Instant::now() >= deadline {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// The caller's timeout. One that cannot be read counts as none, as gRPC servers do.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_protocol_writes_them() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            asked(&headers)
        };
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("4S"), Some(Duration::from_secs(4)));
        assert_eq!(read("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(read("6u"), Some(Duration::from_micros(6)));
        assert_eq!(read("7n"), Some(Duration::from_nanos(7)));
        for bad in ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1é"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
