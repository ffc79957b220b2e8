//! What goes wrong, and when. Every kind comes once before any comes again, so that a run of minutes meets them all.

use std::time::Duration;

use super::{Database, Dice};

const HOUR_MS: i64 = 3_600_000;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; the replica starts again after a while.
    Kill {
        /// Which replica.
        replica: u64,
        /// How long it is down.
        down: Duration,
    },
    /// SIGSTOP for longer than any timeout, then SIGCONT.
    Stop {
        /// Which replica.
        replica: u64,
        /// How long it stands still.
        lasts: Duration,
    },
    /// `pg_ctl restart -m immediate`.
    RestartDatabase,
    /// A connection misbehaves.
    Connection {
        /// Which one.
        link: Link,
        /// Of which replica.
        replica: u64,
        /// How.
        how: Trouble,
        /// For how long.
        lasts: Duration,
    },
    /// A long write transaction in another database of the cluster.
    LongTransaction {
        /// How long it is open.
        lasts: Duration,
    },
    /// The clock of everything steps back, and comes right after a while.
    ClockBack {
        /// By how much.
        by_ms: i64,
        /// For how long.
        lasts: Duration,
    },
    /// The clock of everything jumps forward, for good.
    ClockForward {
        /// By how much.
        by_ms: i64,
    },
    /// The clock of one replica alone is off for a while; on PostgreSQL it must not matter.
    ClockOfOne {
        /// Which replica.
        replica: u64,
        /// By how much.
        by_ms: i64,
        /// For how long.
        lasts: Duration,
    },
    /// The disk is full.
    FullDisk {
        /// For how long.
        lasts: Duration,
    },
    /// A backup is taken.
    Backup,
    /// The newest backup is restored under running watchers.
    Restore,
}

/// A connection through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Between clients and a replica.
    Clients,
    /// Between a replica and PostgreSQL.
    Database,
}

/// How a connection misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Open connections are cut and new ones are refused.
    Cut,
    /// Every chunk of bytes waits.
    Delay {
        /// How long.
        by: Duration,
    },
    /// Nothing comes through, and nobody is told.
    HalfOpen,
    /// Requests come through, replies do not; the connection is cut after the first of them.
    DropReplies,
}

/// A fault with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins, from the start of the load.
    pub at: Duration,
    /// What goes wrong.
    pub fault: Fault,
}

/// Ways to make one fault of each kind, for a database.
type Make = fn(&mut Dice) -> Fault;

const EVERYWHERE: [Make; 8] = [
    |dice| Fault::Kill {
        replica: dice.throw(),
        down: millis(dice, 0, 2_000),
    },
    |dice| connection(dice, Link::Clients, Trouble::Cut, (300, 2_500)),
    |dice| {
        let by = millis(dice, 30, 500);
        connection(dice, Link::Clients, Trouble::Delay { by }, (2_000, 5_000))
    },
    |dice| connection(dice, Link::Clients, Trouble::HalfOpen, (3_000, 5_000)),
    |dice| connection(dice, Link::Clients, Trouble::DropReplies, (1_500, 4_000)),
    |dice| Fault::ClockBack {
        by_ms: HOUR_MS,
        lasts: millis(dice, 2_000, 5_000),
    },
    |_| Fault::ClockForward { by_ms: HOUR_MS },
    |_| Fault::ClockForward {
        by_ms: 72 * HOUR_MS,
    },
];

const SQLITE: [Make; 3] = [
    |dice| Fault::Stop {
        replica: 0,
        lasts: millis(dice, 11_000, 14_000),
    },
    |dice| Fault::FullDisk {
        lasts: millis(dice, 2_000, 5_000),
    },
    // Once more: it is the only server.
    |dice| Fault::Kill {
        replica: 0,
        down: millis(dice, 0, 4_000),
    },
];

const POSTGRES: [Make; 8] = [
    |_| Fault::RestartDatabase,
    |dice| connection(dice, Link::Database, Trouble::Cut, (300, 2_500)),
    |dice| {
        let by = millis(dice, 20, 150);
        connection(dice, Link::Database, Trouble::Delay { by }, (2_000, 4_000))
    },
    |dice| connection(dice, Link::Database, Trouble::HalfOpen, (3_000, 6_000)),
    |dice| connection(dice, Link::Database, Trouble::DropReplies, (1_500, 4_000)),
    |dice| Fault::LongTransaction {
        lasts: millis(dice, 4_000, 7_000),
    },
    |dice| Fault::ClockOfOne {
        replica: dice.throw(),
        by_ms: 72 * HOUR_MS,
        lasts: millis(dice, 2_000, 4_000),
    },
    |dice| Fault::ClockOfOne {
        replica: dice.throw(),
        by_ms: -HOUR_MS,
        lasts: millis(dice, 2_000, 4_000),
    },
];

/// How long a replica on PostgreSQL stands still: a session that idles in a transaction is ended after 30 seconds.
const LONG_STOP: (u64, u64) = (33_000, 37_000);
/// How long the run is quiet at its end, at least.
const CALM: Duration = Duration::from_secs(8);

impl Fault {
    /// How long it lasts, as planned.
    #[must_use]
    pub const fn lasts(&self) -> Duration {
        match self {
            Self::Kill { down: lasts, .. }
            | Self::Stop { lasts, .. }
            | Self::Connection { lasts, .. }
            | Self::LongTransaction { lasts }
            | Self::ClockBack { lasts, .. }
            | Self::ClockOfOne { lasts, .. }
            | Self::FullDisk { lasts } => *lasts,
            Self::RestartDatabase | Self::ClockForward { .. } | Self::Backup | Self::Restore => {
                Duration::ZERO
            }
        }
    }

    /// What it is called in the summary.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "SIGKILL",
            Self::Stop { .. } => "SIGSTOP",
            Self::RestartDatabase => "database restart",
            Self::Connection { link, how, .. } => match (link, how) {
                (Link::Clients, Trouble::Cut) => "clients cut",
                (Link::Clients, Trouble::Delay { .. }) => "clients delayed",
                (Link::Clients, Trouble::HalfOpen) => "clients half-open",
                (Link::Clients, Trouble::DropReplies) => "replies dropped",
                (Link::Database, Trouble::Cut) => "database cut",
                (Link::Database, Trouble::Delay { .. }) => "database delayed",
                (Link::Database, Trouble::HalfOpen) => "database half-open",
                (Link::Database, Trouble::DropReplies) => "commits unheard",
            },
            Self::LongTransaction { .. } => "long transaction",
            Self::ClockBack { .. } => "clock back",
            Self::ClockForward { by_ms } => {
                if *by_ms > HOUR_MS {
                    "clock + 72 h"
                } else {
                    "clock + 1 h"
                }
            }
            Self::ClockOfOne { .. } => "one clock off",
            Self::FullDisk { .. } => "full disk",
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }

    /// Whether others may begin while it lasts.
    const fn is_aside(&self, database: Database) -> bool {
        matches!((self, database), (Self::Stop { .. }, Database::Postgres))
    }
}

/// The faults of a run, by time.
#[must_use]
pub fn schedule(seed: u64, database: Database, duration: Duration) -> Vec<Planned> {
    let mut dice = Dice::new(seed, &[u64::from_be_bytes(*b"schedule")]);
    let end = duration.saturating_sub(CALM);
    let mut planned = Vec::new();
    let mut at = millis(&mut dice, 2_000, 4_000);
    let mut aside_until = Duration::ZERO;
    loop {
        for fault in deck(&mut dice, database) {
            if at + fault.lasts() > end {
                return planned;
            }
            if fault.is_aside(database) {
                if at < aside_until {
                    continue;
                }
                aside_until = at + fault.lasts();
                planned.push(Planned { at, fault });
                at += millis(&mut dice, 1_000, 3_000);
                continue;
            }
            planned.push(Planned { at, fault });
            at += fault.lasts() + millis(&mut dice, 1_000, 3_500);
        }
    }
}

/// One fault of each kind, in some order; a restore comes after a backup with something between.
fn deck(dice: &mut Dice, database: Database) -> Vec<Fault> {
    let own: &[Make] = match database {
        Database::Sqlite => &SQLITE,
        Database::Postgres => &POSTGRES,
    };
    let mut deck: Vec<Fault> = EVERYWHERE
        .iter()
        .chain(own)
        .map(|make| make(dice))
        .collect();
    dice.shuffle(&mut deck);
    let restore = dice.index(deck.len() / 2) + deck.len() / 2;
    deck.insert(restore, Fault::Restore);
    deck.insert(dice.index(restore.saturating_sub(2)), Fault::Backup);
    if database == Database::Postgres {
        // First, so that it ends within the run.
        let stop = Fault::Stop {
            replica: dice.throw(),
            lasts: millis(dice, LONG_STOP.0, LONG_STOP.1),
        };
        deck.insert(dice.index(3), stop);
    }
    deck
}

fn connection(dice: &mut Dice, link: Link, how: Trouble, (least, most): (u64, u64)) -> Fault {
    Fault::Connection {
        link,
        replica: dice.throw(),
        how,
        lasts: millis(dice, least, most),
    }
}

const fn millis(dice: &mut Dice, least: u64, end: u64) -> Duration {
    Duration::from_millis(dice.between(least, end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn three_minutes_meet_every_fault() {
        for seed in 0..200 {
            for (database, kinds) in [(Database::Sqlite, 12), (Database::Postgres, 18)] {
                let planned = schedule(seed, database, Duration::from_secs(180));
                let names: BTreeSet<_> = planned.iter().map(|one| one.fault.name()).collect();
                assert_eq!(names.len(), kinds, "{seed} {database:?}: {names:?}");
                assert!(planned.is_sorted_by_key(|one| one.at));
            }
        }
    }

    #[test]
    fn a_restore_has_a_backup() {
        for seed in 0..100 {
            for database in [Database::Sqlite, Database::Postgres] {
                let mut backups = 0;
                for one in schedule(seed, database, Duration::from_secs(600)) {
                    match one.fault {
                        Fault::Backup => backups += 1,
                        Fault::Restore => assert!(backups > 0, "{seed} {database:?}"),
                        _ => {}
                    }
                }
            }
        }
    }
}
