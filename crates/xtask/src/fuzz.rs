//! `cargo xtask fuzz`: the fuzz targets, for longer than the tests run them.

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use clap::Args;

use crate::{process, workspace::Workspace};

/// The packages that have targets.
const PACKAGES: [&str; 4] = [
    "echelon-domain",
    "echelon-cli",
    "echelon-server",
    "echelon-tests",
];

/// What to fuzz, and for how long.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// Seconds that each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed, to repeat a run; by default a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Only targets whose test's name contains this.
    target: Option<String>,
}

/// Runs the targets one after the other, each for as long as asked.
pub(crate) fn run(workspace: &Workspace, fuzz: &Fuzz) -> Result<ExitCode> {
    let Fuzz {
        seconds,
        seed,
        target,
    } = fuzz;
    let seed = seed.unwrap_or_else(now);
    process::print(&format!("seed {seed}\n"));
    let mut arguments = vec!["test", "--no-fail-fast"];
    for package in PACKAGES {
        arguments.extend(["--package", package]);
    }
    let name = target.as_deref().unwrap_or("fuzz_");
    arguments.extend(["--", "--nocapture", "--test-threads=1", name]);
    let mut command = workspace.cargo(&arguments);
    command
        .env("ECHELON_FUZZ_SECONDS", seconds.to_string())
        .env("ECHELON_FUZZ_SEED", seed.to_string());
    let status = process::stream(&mut command, process::print)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_secs())
}
