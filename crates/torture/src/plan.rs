//! What a run does, as a pure function of its seed: the organization, the steps of each client, the faults with their
//! times. Two runs of one seed differ only in what the machine makes of it.

mod dice;
pub mod fault;
pub mod shape;
pub mod step;

use std::time::Duration;

use clap::ValueEnum;

pub use dice::Dice;
pub use fault::Planned;
pub use shape::Shape;
pub use step::Step;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// One server on a file.
    Sqlite,
    /// Three replicas on PostgreSQL.
    Postgres,
}

impl Database {
    /// The name, as on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// How many servers there are.
    #[must_use]
    pub const fn replicas(self) -> usize {
        match self {
            Self::Sqlite => 1,
            Self::Postgres => 3,
        }
    }
}

/// How many clients write and read.
const CLIENTS: usize = 8;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All of it follows from this.
    pub seed: u64,
    /// How long the load lasts.
    pub duration: Duration,
    /// On which database.
    pub database: Database,
    /// The organization.
    pub shape: Shape,
    /// How many clients there are.
    pub clients: usize,
    /// What goes wrong.
    pub faults: Vec<Planned>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64, duration: Duration, database: Database) -> Self {
        Self {
            seed,
            duration,
            database,
            shape: Shape::new(seed),
            clients: CLIENTS,
            faults: fault::schedule(seed, database, duration),
        }
    }

    /// One step of one client.
    #[must_use]
    pub fn step(&self, client: usize, number: u64) -> Step {
        let client = u64::try_from(client).unwrap_or(u64::MAX);
        Step::new(&mut Dice::new(self.seed, &[client, number]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_does_not() {
        let duration = Duration::from_secs(180);
        for database in [Database::Sqlite, Database::Postgres] {
            let plan = Plan::new(42, duration, database);
            let again = Plan::new(42, duration, database);
            let other = Plan::new(43, duration, database);
            assert_eq!(plan, again);
            assert_ne!(plan.faults, other.faults);
            for client in 0..plan.clients {
                for number in 0..500 {
                    assert_eq!(plan.step(client, number), again.step(client, number));
                }
                let steps = |plan: &Plan| (0..9).map(|n| plan.step(client, n)).collect::<Vec<_>>();
                assert_ne!(steps(&plan), steps(&other));
            }
        }
    }
}
