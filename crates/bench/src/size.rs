//! How much is measured, and for how long.

use std::time::Duration;

use clap::ValueEnum;

use crate::load::Until;

/// How large the organization is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// 10,000 teams, 1,000,000 blockers: what the bars are about.
    Full,
    /// A tenth of it.
    Tenth,
    /// 100 teams, and moments instead of seconds: whether the benchmark itself works.
    Smoke,
}

/// What a size comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Teams of every organization.
    pub teams: usize,
    /// How often what is compared takes turns.
    pub rounds: usize,
    /// How long each turn counts.
    pub window: Duration,
    /// How long it runs before it counts.
    pub warm_up: Duration,
    /// Calls of each kind in a round of reads.
    pub reads: u64,
    /// Watchers at once.
    pub watchers: usize,
    /// How long they watch.
    pub watch: Duration,
    /// Bytes of events that flow past watchers that do not read.
    pub flood_bytes: u64,
    /// How long to wait until the server has had enough of them.
    pub flood_patience: Duration,
    /// How long before the timers' instant their import must be done.
    pub timers_ahead: Duration,
}

impl Size {
    /// The name, as on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Tenth => "tenth",
            Self::Smoke => "smoke",
        }
    }

    /// What it comes to.
    #[must_use]
    pub const fn extent(self) -> Extent {
        match self {
            Self::Full => Extent {
                teams: 10_000,
                rounds: 3,
                window: Duration::from_secs(3),
                warm_up: Duration::from_millis(500),
                reads: 64,
                watchers: 1_000,
                watch: Duration::from_secs(10),
                flood_bytes: 60_000_000,
                flood_patience: Duration::from_secs(60),
                timers_ahead: Duration::from_secs(40),
            },
            Self::Tenth => Extent {
                teams: 1_000,
                rounds: 3,
                window: Duration::from_secs(1),
                warm_up: Duration::from_millis(300),
                reads: 64,
                watchers: 100,
                watch: Duration::from_secs(5),
                flood_bytes: 20_000_000,
                flood_patience: Duration::from_secs(60),
                timers_ahead: Duration::from_secs(10),
            },
            Self::Smoke => Extent {
                teams: 100,
                rounds: 1,
                window: Duration::from_millis(100),
                warm_up: Duration::from_millis(20),
                reads: 8,
                watchers: 20,
                watch: Duration::from_millis(600),
                flood_bytes: 500_000,
                flood_patience: Duration::from_millis(200),
                timers_ahead: Duration::from_secs(12),
            },
        }
    }
}

impl Extent {
    /// One turn.
    #[must_use]
    pub const fn turn(&self) -> Until {
        Until::Elapsed {
            warm_up: self.warm_up,
            window: self.window,
        }
    }
}
