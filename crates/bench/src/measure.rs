//! What is measured: one file per measure.

mod calls;
mod growth;
mod lists;
mod memory;
mod morning;
mod movement;
mod raise;
mod recompute;
mod rollup;
mod slow_watcher;
mod timers;
mod watch;

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{
    bench::Bench,
    load::{self, Call, Outcome, Shape, Until},
    process::Processes,
    report::Report,
};

/// One measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// Import and export.
    Import,
    /// Start and resident memory.
    Memory,
    /// Lists at the root.
    Lists,
    /// `GetRollup`, many at once.
    Rollup,
    /// `GetRollup` beside a roll-up without counters.
    Recompute,
    /// `RaiseBlocker`, one at a time.
    #[value(name = "raise-1")]
    RaiseOne,
    /// `RaiseBlocker`, many at once.
    #[value(name = "raise-64")]
    RaiseMany,
    /// Watchers that read.
    Watch,
    /// Watchers that do not.
    SlowWatcher,
    /// The same at a tenth and a hundredth of the size.
    Growth,
    /// A morning of meetings.
    Morning,
    /// Timers that fall due at once.
    Timers,
}

impl Measure {
    /// All of them, in the order they run.
    pub const ALL: [Self; 12] = [
        Self::Import,
        Self::Memory,
        Self::Lists,
        Self::Rollup,
        Self::Recompute,
        Self::RaiseOne,
        Self::RaiseMany,
        Self::Watch,
        Self::SlowWatcher,
        Self::Growth,
        Self::Morning,
        Self::Timers,
    ];

    /// The name, as on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Memory => "memory",
            Self::Lists => "lists",
            Self::Rollup => "rollup",
            Self::Recompute => "recompute",
            Self::RaiseOne => "raise-1",
            Self::RaiseMany => "raise-64",
            Self::Watch => "watch",
            Self::SlowWatcher => "slow-watcher",
            Self::Growth => "growth",
            Self::Morning => "morning",
            Self::Timers => "timers",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// If it cannot be measured, or something that was measured is wrong.
    pub async fn run(self, bench: &mut Bench, report: &mut Report) -> Result<()> {
        match self {
            Self::Import => movement::run(bench, report).await,
            Self::Memory => memory::run(bench, report).await,
            Self::Lists => lists::run(bench, report).await,
            Self::Rollup => rollup::run(bench, report).await,
            Self::Recompute => recompute::run(bench, report).await,
            Self::RaiseOne => raise::one(bench, report).await,
            Self::RaiseMany => raise::many(bench, report).await,
            Self::Watch => watch::run(bench, report).await,
            Self::SlowWatcher => slow_watcher::run(bench, report).await,
            Self::Growth => growth::run(bench, report).await,
            Self::Morning => morning::run(bench, report).await,
            Self::Timers => timers::run(bench, report).await,
        }
    }
}

/// One turn of a load, and what the servers worked for one call of it.
struct Turn {
    outcome: Outcome,
    cpu_us: f64,
}

impl Turn {
    fn rate(&self) -> f64 {
        self.outcome.rate()
    }

    fn p50_ms(&self) -> f64 {
        self.outcome.latencies.percentile_ms(50.0)
    }

    fn p99_ms(&self) -> f64 {
        self.outcome.latencies.percentile_ms(99.0)
    }
}

/// Runs a load and measures what `processes` work for it.
async fn turn(
    address: SocketAddr,
    processes: &Processes,
    shape: Shape,
    until: Until,
    call: Call,
) -> Result<Turn> {
    let before = processes.at_work();
    let outcome = load::run(address, shape, until, call).await?;
    let worked = processes.at_work().saturating_sub(before);
    ensure!(
        !outcome.latencies.is_empty(),
        "no call was answered in time: measure for longer"
    );
    Ok(Turn {
        cpu_us: worked.as_secs_f64() * 1e6 / outcome.answered.max(1) as f64,
        outcome,
    })
}
