//! What the command line may say.

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    bench::{self, Plan},
    database::Kind,
    limits::echo,
    measure::Measure,
    process::Programs,
    size::Size,
};

/// How long what was interrupted may go on.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// Measures `echelond` beside its limits; `cargo xtask bench` builds and starts all that it needs.
#[derive(Debug, Parser)]
#[command(name = "echelon-bench", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, prints the table, and ends with 1 if something falls short.
    Run(Run),
    /// Serves the bare echo calls.
    #[command(hide = true)]
    Echo {
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Only these measures
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<Measure>,
    /// On which database
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// How large the organization is; bars are judged at full size only
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// Where to write the results as JSON
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// URL of the maintenance database of a PostgreSQL whose user may create databases
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Where the files of the run go for its time; default: the system's folder for temporary files
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// On which databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

impl Cli {
    /// Does what it says.
    ///
    /// # Errors
    /// If the benchmark itself cannot run.
    pub fn run(self) -> Result<ExitCode> {
        match self.command {
            // As echelond runs.
            Command::Echo { listen } => {
                tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()?
                    .block_on(echo::serve(listen))?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Run(run) => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()?;
                let code = runtime.block_on(run.run());
                // A load that was interrupted has nothing to end for.
                runtime.shutdown_timeout(END_PATIENCE);
                code
            }
        }
    }
}

impl Run {
    async fn run(self) -> Result<ExitCode> {
        let Self {
            only,
            database,
            size,
            json,
            postgres,
            folder,
        } = self;
        let kinds = match database {
            Databases::Sqlite => vec![Kind::Sqlite],
            Databases::Postgres => vec![Kind::Postgres],
            Databases::Both => vec![Kind::Sqlite, Kind::Postgres],
        };
        let plan = Plan {
            programs: Programs::beside_this()?,
            size,
            kinds,
            measures: if only.is_empty() {
                Measure::ALL.to_vec()
            } else {
                only
            },
            postgres,
            folder: folder.unwrap_or_else(std::env::temp_dir),
        };
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        // What was started or made goes with the benchmark that is dropped.
        let report = tokio::select! {
            report = bench::run(plan) => report?,
            _ = interrupted.recv() => bail!("interrupted"),
            _ = terminated.recv() => bail!("terminated"),
        };
        println!("{}", report.table());
        if let Some(path) = json {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
            }
            fs::write(&path, format!("{:#}\n", report.json()))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(if report.holds() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
