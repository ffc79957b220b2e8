//! When the call at work must be answered, for what waits on its behalf: it gives up a little earlier, and says for what
//! it waited.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

/// How much earlier whatever waits gives up, at most.
const MARGIN: Duration = Duration::from_millis(20);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Does the work of a call that must be answered by then.
pub(crate) fn scope<F: Future>(deadline: Instant, work: F) -> impl Future<Output = F::Output> {
    DEADLINE.scope(deadline, work)
}

/// How long the call at work may still wait; `otherwise` if it may wait for longer, or for ever.
pub(crate) fn patience(otherwise: Duration) -> Duration {
    let Ok(deadline) = DEADLINE.try_with(|deadline| *deadline) else {
        return otherwise;
    };
    let remaining = deadline.saturating_duration_since(Instant::now());
    let margin = MARGIN.min(remaining / 5);
    (remaining - margin).min(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_waits_a_little_less_than_it_may() {
        let long = Duration::from_secs(10);
        assert_eq!(patience(long), long);
        let second = Instant::now() + Duration::from_secs(1);
        let waited = scope(second, async { patience(long) }).await;
        assert!(waited > Duration::from_millis(900) && waited < Duration::from_millis(981));
        let past = scope(Instant::now(), async { patience(long) }).await;
        assert_eq!(past, Duration::ZERO);
        assert_eq!(scope(second, async { patience(MARGIN) }).await, MARGIN);
    }
}
