//! The command line.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    check::check,
    plan::{Database, Plan},
    report::{Summary, write_record},
    run::{Outcome, run},
    site::{Cluster, Tools},
};

/// Attacks Echelon with a seeded load and faults, and checks what it guarantees.
#[derive(Debug, Parser)]
#[command(name = "echelon-torture", version)]
pub struct Cli {
    /// On which database
    #[arg(long, value_enum)]
    database: Database,
    /// How long the load lasts
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// What the plan is made of; default: another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// URL of the maintenance database of a PostgreSQL that may be treated badly
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Folder of its programs
    #[arg(long, value_name = "FOLDER", requires = "postgres")]
    postgres_programs: Option<PathBuf>,
    /// Folder of its data
    #[arg(long, value_name = "FOLDER", requires = "postgres")]
    postgres_data: Option<PathBuf>,
    /// Where to keep what a failed run leaves
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

impl Cli {
    /// Does what it says.
    ///
    /// # Errors
    /// If the run cannot be carried out.
    pub fn run(self) -> Result<ExitCode> {
        let duration = Duration::try_from_secs_f64(self.minutes * 60.0)
            .context("--minutes is no time: write a number such as 3 or 0.5")?;
        let seed = self.seed.unwrap_or_else(any_seed);
        let again = format!(
            "cargo xtask torture --minutes {} --seed {seed} --database {}",
            self.minutes,
            self.database.as_str()
        );
        eprintln!("seed {seed}: {again}");
        let plan = Plan::new(seed, duration, self.database);
        let folder = tempfile::Builder::new()
            .prefix("echelon-torture-")
            .tempdir()?;
        let tools = Tools {
            echelond: beside_this("echelond")?,
            cluster: self.cluster()?,
            folder: folder.path().to_owned(),
        };
        let ran = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(until_stopped(tools, plan));
        let outcome = match ran {
            Ok(Some(outcome)) => outcome,
            Ok(None) => bail!("stopped by a signal; again: {again}"),
            Err(error) => {
                let kept = folder.keep();
                return Err(error.context(format!(
                    "the run broke off; what it left is in {}; again: {again}",
                    kept.display()
                )));
            }
        };
        let violations = check(&outcome.record);
        let mut summary = Summary::new(seed, self.minutes, &outcome, violations);
        if !summary.violations.is_empty() {
            write_record(&outcome.record, &summary.violations, folder.path())?;
            let kept = folder.keep();
            summary.kept = Some(match &self.keep {
                None => kept,
                Some(wanted) => move_files(&kept, wanted)?,
            });
        }
        if self.json {
            println!("{:#}", summary.json());
        } else {
            print!("{}", summary.table());
        }
        eprintln!("seed {seed}: {again}");
        Ok(if summary.violations.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn cluster(&self) -> Result<Option<Cluster>> {
        let parts = (
            self.postgres.clone(),
            self.postgres_programs.clone(),
            self.postgres_data.clone(),
        );
        match parts {
            (None, None, None) if self.database == Database::Sqlite => Ok(None),
            (Some(url), Some(programs), Some(data)) => Ok(Some(Cluster {
                url,
                programs,
                data,
            })),
            _ => bail!(
                "--postgres, --postgres-programs and --postgres-data belong together: run `cargo xtask torture`, which gives them"
            ),
        }
    }
}

/// Carries the plan out, unless a signal ends it first: then everything is cleaned up, and nothing is left of it.
async fn until_stopped(tools: Tools, plan: Plan) -> Result<Option<Outcome>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = run(tools, plan) => outcome.map(Some),
        _ = interrupt.recv() => Ok(None),
        _ = terminate.recv() => Ok(None),
    }
}

/// Moves the files of a folder into another one, and removes it.
fn move_files(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    fs::remove_dir_all(from)?;
    Ok(to.to_owned())
}

/// A program in the folder of this one.
fn beside_this(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    let path = this.with_file_name(name);
    if !path.is_file() {
        bail!(
            "{} is missing: run `cargo xtask torture`, which builds it",
            path.display()
        );
    }
    Ok(path)
}

/// The clock's last digits: short, so that people can type them.
fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| u64::from(since.subsec_nanos()) / 1_000 + 1)
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
