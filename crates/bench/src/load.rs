//! The load: calls over HTTP/2 from a thread of their own, each timed, each with its status checked.
//!
//! Requests and replies are bytes, so that the client costs the same for the echo and for the judged call.

mod connection;
mod latency;
mod stream;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;

pub use connection::{Connection, Failure, UNAVAILABLE, frame};
pub use latency::Latencies;
pub use stream::Stream;

/// How many calls go on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Connections.
    pub connections: usize,
    /// Calls in flight on each.
    pub in_flight: usize,
}

impl Shape {
    /// One call after the other.
    pub const SINGLE: Self = Self {
        connections: 1,
        in_flight: 1,
    };
    /// Sixty-four calls at once.
    pub const MANY: Self = Self {
        connections: 8,
        in_flight: 8,
    };
}

/// When a load ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After a time; what ends in the warm-up before it is not counted.
    Elapsed {
        /// Not counted.
        warm_up: Duration,
        /// Counted.
        window: Duration,
    },
    /// After so many calls.
    Calls(u64),
}

/// Makes the request of a call, by its number.
pub type Make = dyn Fn(u64) -> Bytes + Send + Sync;
/// Checks the reply to a call, by its number.
pub type Check = dyn Fn(u64, &Bytes) -> Result<()> + Send + Sync;

/// What is called.
#[derive(Clone)]
pub struct Call {
    /// Path of the method.
    pub path: &'static str,
    /// Makes requests, framed.
    pub make: Arc<Make>,
    /// Checks replies.
    pub check: Arc<Check>,
    /// Of so many replies one is checked.
    pub check_every: u64,
    /// Number of the first call.
    pub first: u64,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long each counted call took.
    pub latencies: Latencies,
    /// How long the counted calls took together.
    pub elapsed: Duration,
    /// Every call that was answered, the uncounted ones included.
    pub answered: u64,
}

impl Outcome {
    /// Counted calls per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Runs a load on a thread of its own.
///
/// # Errors
/// If a call fails, or a reply is not as it must be.
pub async fn run(address: SocketAddr, shape: Shape, until: Until, call: Call) -> Result<Outcome> {
    apart(move || async move { drive(address, shape, until, call).await }).await
}

/// Runs something on a thread and runtime of its own, so that it is not in the way of anything else here.
///
/// # Errors
/// As the work.
pub async fn apart<F, W, T>(work: W) -> Result<T>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T>>,
    T: Send + 'static,
{
    let working = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot make a runtime")?;
        runtime.block_on(work())
    });
    working.await.context("a load panicked")?
}

/// What the callers of a load share.
struct Shared {
    call: Call,
    next: AtomicU64,
    /// Calls from this number on are not made.
    end: Option<u64>,
    begins: Instant,
    ends: Option<Instant>,
}

async fn drive(address: SocketAddr, shape: Shape, until: Until, call: Call) -> Result<Outcome> {
    let mut connections = Vec::with_capacity(shape.connections);
    for _ in 0..shape.connections {
        connections.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let (begins, ends, end) = match until {
        Until::Elapsed { warm_up, window } => {
            let begins = started + warm_up;
            (begins, Some(begins + window), None)
        }
        Until::Calls(calls) => (started, None, Some(call.first + calls)),
    };
    let shared = Arc::new(Shared {
        next: AtomicU64::new(call.first),
        call,
        end,
        begins,
        ends,
    });
    let mut callers = tokio::task::JoinSet::new();
    for connection in &connections {
        for _ in 0..shape.in_flight {
            callers.spawn(caller(connection.clone(), shared.clone()));
        }
    }
    let mut outcome = Outcome::default();
    while let Some(done) = callers.join_next().await {
        let (latencies, answered) = done.context("a caller panicked")??;
        outcome.latencies.append(latencies);
        outcome.answered += answered;
    }
    // The last calls count, and the little time in which they end.
    outcome.elapsed = shared.begins.elapsed();
    outcome.latencies.sort();
    Ok(outcome)
}

/// Calls one after the other until the load ends.
async fn caller(connection: Connection, shared: Arc<Shared>) -> Result<(Latencies, u64)> {
    let mut latencies = Latencies::default();
    let mut answered = 0;
    let Call {
        path,
        make,
        check,
        check_every,
        ..
    } = &shared.call;
    loop {
        let started = Instant::now();
        if shared.ends.is_some_and(|ends| started >= ends) {
            return Ok((latencies, answered));
        }
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if shared.end.is_some_and(|end| number >= end) {
            return Ok((latencies, answered));
        }
        let reply = match connection.call(path, make(number)).await {
            Ok(reply) => reply,
            Err(failure) => bail!("call {number} of {path} failed: {failure}"),
        };
        let ended = Instant::now();
        answered += 1;
        if number.is_multiple_of(*check_every) {
            check(number, &reply)
                .with_context(|| format!("the reply to call {number} of {path} is wrong"))?;
        }
        if ended >= shared.begins {
            latencies.push(ended - started);
        }
    }
}
