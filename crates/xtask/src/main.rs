//! The chores of the workspace: `cargo xtask test` runs every test on both databases, `cargo xtask check` everything
//! else that must hold before a change lands. Each chore installs what it needs, or says what to do.

mod alerts;
mod bench;
mod check;
mod deploy;
mod docs;
mod fuzz;
mod helm;
mod layers;
mod machine;
mod npm;
mod postgres;
mod process;
mod proto;
mod python;
mod system;
mod tally;
mod test;
mod torture;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// The chores of the workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every test on SQLite and on a private PostgreSQL, the Python client's cascade, and three minutes of torture.
    Test {
        /// Run only tests whose name contains one of these; `python` runs the Python client's, `torture` the torture.
        filters: Vec<String>,
    },
    /// Measure the server beside its limits, and fail if a bar is not reached.
    Bench(bench::Bench),
    /// Run the fuzz targets for longer than the tests do.
    Fuzz(fuzz::Fuzz),
    /// Attack servers with a seeded load and faults, and check what they guarantee.
    Torture(torture::Torture),
    /// Start the private PostgreSQL alone and print what tests must know of it; ctrl-c stops and removes it.
    Pg,
    /// Run every check that is not a test: format, lints, documents, layers, licences, API, chart, deployment.
    Check,
    /// Lint `proto/`, and compare it with the last release if there is one.
    Proto,
    /// Check the layers of the crates, and licences, sources and banned crates.
    Deps,
    /// Lint, render and check the chart.
    Helm,
    /// Check the image, Compose with its load balancer, and the systemd unit.
    Deploy,
    /// Check that the documents link and name only what exists.
    Docs,
    /// Check the alert rules, run their tests, and check the queries of the dashboard.
    Alerts,
    /// Check that no tracked file names a machine: its paths or private hosts.
    Machine,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            process::exit_code()
        }
    }
}

fn run(chore: &Chore) -> Result<ExitCode> {
    process::handle_signals()?;
    let workspace = Workspace::find()?;
    match chore {
        Chore::Test { filters } => return test::run(&workspace, filters),
        Chore::Bench(bench) => return bench::run(&workspace, bench),
        Chore::Fuzz(fuzz) => return fuzz::run(&workspace, fuzz),
        Chore::Torture(torture) => return torture::run(&workspace, torture),
        Chore::Pg => postgres::serve()?,
        Chore::Check => check::run(&workspace)?,
        Chore::Proto => proto::check(&workspace)?,
        Chore::Deps => {
            layers::check(&workspace)?;
            check::deny(&workspace)?;
        }
        Chore::Helm => helm::check(&workspace)?,
        Chore::Deploy => deploy::check(&workspace)?,
        Chore::Docs => docs::check(&workspace)?,
        Chore::Alerts => alerts::check(&workspace)?,
        Chore::Machine => machine::check(&workspace)?,
    }
    Ok(ExitCode::SUCCESS)
}
