//! Waits between attempts: exponential, with jitter.

use std::time::Duration;

use tokio::time::{self, Instant};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::{Client, Error, RetryBudget};

/// The waits of one call or of one watch.
#[derive(Debug)]
pub(crate) struct Backoff {
    budget: RetryBudget,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(budget: RetryBudget) -> Self {
        Self {
            budget,
            attempts: 0,
        }
    }

    /// How long to wait now; at least as long as the server asked for.
    pub(crate) fn next(&mut self, error: &Error) -> Duration {
        let doubled = self
            .budget
            .first_delay
            .saturating_mul(2_u32.saturating_pow(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        let delay = jittered(doubled.min(self.budget.max_delay), random());
        let asked = error.failure().and_then(|failure| failure.retry_delay);
        delay.max(asked.unwrap_or_default())
    }

    /// Starts over: something went well.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Between half of `delay` and all of it, so that many clients do not come back at once.
fn jittered(delay: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    delay.mul_f64(0.5 + share / 2.0)
}

fn random() -> u32 {
    // The last group of a version 4 UUID is random in all its bits.
    let [.., a, b, c, d] = Uuid::new_v4().into_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl Client {
    /// Makes a call, and makes it again while the server is unavailable and the budget lasts.
    ///
    /// Every attempt sends the same request: a mutation is safe because it carries its `request_id`, made once with
    /// [`request_id`](crate::request_id). A delay that the server asks for (`RetryInfo`) is honoured.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn retry<Q, R, F>(
        &self,
        request: Q,
        call: impl Fn(Client, Q) -> F,
    ) -> Result<R, Error>
    where
        Q: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let budget = self.retry_budget();
        let mut backoff = Backoff::new(budget);
        let started = Instant::now();
        loop {
            let error = match call(self.clone(), request.clone()).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => Error::from(status),
            };
            if !error.is_retryable() {
                return Err(error);
            }
            let delay = backoff.next(&error);
            if started.elapsed() + delay > budget.within {
                return Err(error);
            }
            time::sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic::Code;
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;
    use crate::Options;

    fn client() -> Client {
        Client::connect_lazy(Options::default()).unwrap()
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let budget = RetryBudget {
            within: Duration::from_secs(60),
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(300),
        };
        let mut backoff = Backoff::new(budget);
        let error = Error::from(Status::unavailable(""));
        for full in [100, 200, 300, 300] {
            let delay = backoff.next(&error);
            let full = Duration::from_millis(full);
            assert!(delay >= full / 2 && delay <= full, "{delay:?} of {full:?}");
        }
    }

    #[test]
    fn jitter_keeps_at_least_half() {
        let second = Duration::from_secs(1);
        assert_eq!(jittered(second, 0), second / 2);
        assert_eq!(jittered(second, u32::MAX), second);
    }

    #[tokio::test(start_paused = true)]
    async fn unavailable_is_tried_again_with_the_same_request() {
        let client = client();
        let attempts = Cell::new(0);
        let answer = client
            .retry("request-1", |_, request| {
                attempts.set(attempts.get() + 1);
                let attempt = attempts.get();
                async move {
                    if attempt < 3 {
                        return Err(Status::unavailable("restarting"));
                    }
                    Ok(Response::new(request))
                }
            })
            .await
            .unwrap();
        assert_eq!((answer, attempts.get()), ("request-1", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn other_codes_are_final() {
        let client = client();
        let attempts = Cell::new(0);
        let error = client
            .retry((), |_, ()| {
                attempts.set(attempts.get() + 1);
                async { Err::<Response<()>, _>(Status::aborted("stale etag")) }
            })
            .await
            .unwrap_err();
        assert_eq!((error.code(), attempts.get()), (Code::Aborted, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_ends_it() {
        let client = client();
        let started = Instant::now();
        let error = client
            .retry((), |_, ()| async {
                Err::<Response<()>, _>(Status::unavailable("down"))
            })
            .await
            .unwrap_err();
        assert!(error.is_retryable());
        assert!(started.elapsed() <= RetryBudget::default().within);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_may_ask_for_a_longer_wait() {
        let client = client();
        let started = Instant::now();
        let first = Cell::new(true);
        client
            .retry((), |_, ()| {
                let first = first.replace(false);
                async move {
                    if first {
                        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(4)));
                        return Err(Status::with_error_details(Code::Unavailable, "", details));
                    }
                    Ok(Response::new(()))
                }
            })
            .await
            .unwrap();
        assert!(started.elapsed() >= Duration::from_secs(4));
    }
}
