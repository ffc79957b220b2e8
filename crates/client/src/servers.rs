//! The servers of one deployment: calls take turns over them, and one that fails is left aside for a while.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

use crate::retry::{jittered, random};

/// How long a server is left aside after its first failure; doubled with each further one.
const ASIDE_FIRST: Duration = Duration::from_millis(200);
/// No server is left aside for longer: one that comes back gets calls again.
const ASIDE_MAX: Duration = Duration::from_secs(10);

/// All servers of a client.
#[derive(Debug)]
pub(crate) struct Servers {
    servers: Vec<Server>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Server {
    channel: Channel,
    standing: Mutex<Standing>,
}

/// How a server has behaved of late.
#[derive(Debug, Default)]
struct Standing {
    failures: u32,
    aside_until: Option<Instant>,
}

impl Servers {
    /// Servers that are connected to with the first call to each, but for one that may be connected already. Must be
    /// called within a Tokio runtime.
    pub(crate) fn new(endpoints: &[Endpoint], connected: Option<(usize, Channel)>) -> Self {
        let mut servers: Vec<_> = endpoints
            .iter()
            .map(|endpoint| Server {
                channel: endpoint.connect_lazy(),
                standing: Mutex::default(),
            })
            .collect();
        if let Some((index, channel)) = connected {
            servers[index].channel = channel;
        }
        Self {
            servers,
            // Clients that start together do not all begin with the same server.
            turn: AtomicUsize::new(random() as usize),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    pub(crate) fn channel(&self, server: usize) -> Channel {
        self.servers[server].channel.clone()
    }

    /// The server whose turn it is; if all are left aside, the one that is soonest back.
    pub(crate) fn first(&self) -> usize {
        if let Some(server) = self.another(&[]) {
            return server;
        }
        let until = |server: &usize| self.standing(*server, |standing| standing.aside_until);
        (0..self.servers.len()).min_by_key(until).unwrap_or(0)
    }

    /// The next server that was not tried yet and is not left aside.
    pub(crate) fn another(&self, tried: &[usize]) -> Option<usize> {
        let count = self.servers.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        (0..count)
            .map(|offset| turn.wrapping_add(offset) % count)
            .filter(|server| !tried.contains(server))
            .find(|server| self.standing(*server, |standing| standing.try_now(now)))
    }

    /// Takes note that a server answered.
    pub(crate) fn answered(&self, server: usize) {
        self.standing(server, |standing| *standing = Standing::default());
    }

    /// Takes note that a server failed, and leaves it aside, at least for as long as it asked for.
    pub(crate) fn failed(&self, server: usize, asked: Option<Duration>) {
        let now = Instant::now();
        self.standing(server, |standing| standing.fail(now, asked));
    }

    fn standing<T>(&self, server: usize, use_it: impl FnOnce(&mut Standing) -> T) -> T {
        let standing = &self.servers[server].standing;
        use_it(&mut standing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Standing {
    /// Whether a call may go there. Of those that would find out whether a server is back, one does, and the others
    /// wait for what it finds.
    fn try_now(&mut self, now: Instant) -> bool {
        match self.aside_until {
            None => true,
            Some(until) if until > now => false,
            Some(_) => {
                self.aside_until = Some(now + self.aside());
                true
            }
        }
    }

    fn fail(&mut self, now: Instant, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let aside = self.aside().max(asked.unwrap_or_default().min(ASIDE_MAX));
        self.aside_until = Some(now + aside);
    }

    fn aside(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1);
        let aside = ASIDE_FIRST.saturating_mul(2_u32.saturating_pow(doublings));
        jittered(aside.min(ASIDE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn servers(count: u16) -> Servers {
        let endpoints: Vec<_> = (1..=count)
            .map(|port| Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap())
            .collect();
        Servers::new(&endpoints, None)
    }

    fn spread(servers: &Servers, calls: usize) -> BTreeMap<usize, usize> {
        let mut spread = BTreeMap::new();
        for _ in 0..calls {
            *spread.entry(servers.first()).or_default() += 1;
        }
        spread
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_spread_evenly() {
        let servers = servers(3);
        assert_eq!(
            spread(&servers, 30),
            BTreeMap::from([(0, 10), (1, 10), (2, 10)])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_is_left_aside_and_tried_again_by_one() {
        let servers = servers(3);
        servers.failed(1, None);
        assert!(!spread(&servers, 30).contains_key(&1));
        tokio::time::advance(ASIDE_FIRST).await;
        assert_eq!(spread(&servers, 30).get(&1), Some(&1));
        servers.answered(1);
        assert!(spread(&servers, 30)[&1] > 5);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_to_a_bound_and_a_server_may_ask_for_more() {
        let servers = servers(2);
        for _ in 0..40 {
            servers.failed(0, None);
        }
        tokio::time::advance(ASIDE_MAX / 2 - Duration::from_millis(1)).await;
        assert!(!spread(&servers, 10).contains_key(&0));
        tokio::time::advance(ASIDE_MAX / 2 + Duration::from_millis(1)).await;
        assert!(spread(&servers, 10).contains_key(&0));
        servers.failed(1, Some(Duration::from_secs(3)));
        servers.answered(0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!spread(&servers, 10).contains_key(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_are_left_aside_the_soonest_back_is_tried() {
        let servers = servers(3);
        servers.failed(0, Some(Duration::from_secs(5)));
        servers.failed(1, Some(Duration::from_secs(1)));
        servers.failed(2, Some(Duration::from_secs(9)));
        assert_eq!(servers.first(), 1);
        assert_eq!(servers.another(&[1]), None);
    }
}
