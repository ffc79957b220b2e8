//! `cargo xtask bench`: builds what is measured, starts a durable PostgreSQL, and measures.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    postgres::{Cluster, Purpose},
    process,
    workspace::Workspace,
};

/// What to measure, and on what.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Only these measures, such as `rollup,raise-64`; `--only help` lists them
    #[arg(long, value_name = "NAMES")]
    only: Option<String>,
    /// On which database
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How large the organization is: full, tenth or smoke; bars are judged at full size only
    #[arg(long, default_value = "full", value_name = "SIZE")]
    size: String,
    /// Where to write the results as JSON; default: bench/results.json in the target folder
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

/// On which databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

/// Measures, and fails if something falls short.
pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<ExitCode> {
    process::run(&mut workspace.cargo(&[
        "build",
        "--release",
        "--package",
        "echelon-server",
        "--package",
        "echelon-bench",
        "--bins",
    ]))?;
    let Bench {
        only,
        database,
        size,
        json,
    } = bench;
    let mut command = std::process::Command::new(workspace.target.join("release/echelon-bench"));
    let (name, cluster) = match database {
        Databases::Sqlite => ("sqlite", None),
        Databases::Postgres => ("postgres", Some(Cluster::start(Purpose::Benchmark)?)),
        Databases::Both => ("both", Some(Cluster::start(Purpose::Benchmark)?)),
    };
    let results = workspace.target.join("bench").join("results.json");
    command
        .args(["run", "--size", size, "--database", name, "--json"])
        .arg(json.as_ref().unwrap_or(&results));
    if let Some(only) = only {
        command.args(["--only", only]);
    }
    if let Some(cluster) = &cluster {
        command.args(["--postgres", &cluster.url()]);
    }
    let status = process::stream(&mut command, process::print)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
