//! Waits between attempts: exponential, with jitter.

use std::time::Duration;

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

    /// How long to wait now; at least as long as a server asked for.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = self
            .budget
            .first_delay
            .saturating_mul(2_u32.saturating_pow(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        let delay = jittered(doubled.min(self.budget.max_delay));
        delay.max(asked.unwrap_or_default())
    }

    /// Starts over: something went well.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Between half of `delay` and all of it, so that many clients do not come back at once.
pub(crate) fn jittered(delay: Duration) -> Duration {
    share(delay, random())
}

fn share(delay: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    delay.mul_f64(0.5 + share / 2.0)
}

pub(crate) fn random() -> u32 {
    // The last group of a version 4 UUID is random in all its bits.
    let [.., a, b, c, d] = Uuid::new_v4().into_bytes();
    u32::from_be_bytes([a, b, c, d])
}

impl Client {
    /// Makes a call and decodes what went wrong.
    ///
    /// Like every call through this client it is made again, with the same `request_id`, while servers are unavailable
    /// and its deadline and the [`RetryBudget`] last.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn retry<Q, R, F>(
        &self,
        request: Q,
        call: impl FnOnce(Client, Q) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let response = call(self.clone(), request).await?;
        Ok(response.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let budget = RetryBudget {
            within: Duration::from_secs(60),
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(300),
        };
        let mut backoff = Backoff::new(budget);
        for full in [100, 200, 300, 300] {
            let delay = backoff.next(None);
            let full = Duration::from_millis(full);
            assert!(delay >= full / 2 && delay <= full, "{delay:?} of {full:?}");
        }
        let asked = Duration::from_secs(4);
        assert_eq!(backoff.next(Some(asked)), asked);
    }

    #[test]
    fn jitter_keeps_at_least_half() {
        let second = Duration::from_secs(1);
        assert_eq!(share(second, 0), second / 2);
        assert_eq!(share(second, u32::MAX), second);
    }
}
