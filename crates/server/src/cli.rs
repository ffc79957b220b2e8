//! What the command line may say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use echelon_server::config::{Config, Faults, Sources};

/// The database of the demo, unless another is named.
pub(crate) const DEMO_DATABASE: &str = "sqlite://echelon-demo.db";

/// Serves Echelon: carries unresolved blockers up an organization's hierarchy of Scrum teams.
///
/// Without a command it serves gRPC, gRPC-Web, health and reflection on one port, and /healthz, /readyz and /metrics on
/// another, until SIGTERM or SIGINT. Settings come from defaults, a file, variables (ECHELON_…) and flags, later ones
/// winning.
#[derive(Debug, Parser)]
#[command(name = "echelond", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(flatten)]
    pub(crate) demo: Demo,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  echelond                                      serve on the file echelon.db
  echelond --demo                               play a sample morning, then keep serving
  echelond --database postgres://echelon@db/echelon --listen 0.0.0.0:7400
  echelond --set log_format=json --set shutdown_grace=30s
  echelond --config echelond.toml config        print what that file amounts to
  echelond --database sqlite://echelon.db check verify a stopped server's database
  echelond backup echelon.backup                keep a copy while the server runs
  echelond export | echelond --database postgres://echelon@db/echelon import
                                                move from SQLite to PostgreSQL";

/// What to do instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the configuration in force as TOML, without secrets.
    Config,
    /// Brings the database's schema up to date and ends.
    Migrate,
    /// Begins a new epoch in every organization, after a backup was restored and before a server starts on it.
    ///
    /// Watchers that had seen more than the backup holds are then refused by their tokens and start over from a snapshot,
    /// however far the new history has come.
    NewEpoch,
    /// Verifies a database that no server writes to, or a backup.
    ///
    /// Folds every event log from its beginning and compares the outcome with the tables, and checks that no blocker is
    /// lost or held twice. Ends with 1 if something does not hold.
    Check {
        /// Backup to verify, in place of the database: its checksum, and then all of what it would restore. Nothing is changed;
        /// it is unpacked into the folder for temporary files (TMPDIR)
        #[arg(long, value_name = "FILE")]
        backup: Option<PathBuf>,
        /// How to print the outcome.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Writes an SQLite database to one file with a checksum, while a server goes on with it.
    ///
    /// It is as the database was at one moment, and holds all that was acknowledged before. PostgreSQL has pg_dump.
    Backup {
        /// File to write; it appears when it is complete and on the disk
        file: PathBuf,
        /// Replace a file that exists
        #[arg(long)]
        force: bool,
        /// How to print what was written.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Makes an SQLite database from a backup, once that is verified, while no server runs.
    ///
    /// Every organization begins a new epoch: watchers that had seen more than the backup holds start over from a snapshot. A
    /// backup of an older version is brought up to date.
    Restore {
        /// File that `echelond backup` wrote
        file: PathBuf,
        /// Replace a database that exists, and keep it under another name
        #[arg(long)]
        force: bool,
        /// How to print what was restored.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Removes the events that are older than a span from the event log.
    ///
    /// What they amount to is kept, so that the rest can be checked; so is the history of every blocker that was live then. A log
    /// that does not hold is left alone. Watchers that have not seen more than what goes start over from a snapshot. On PostgreSQL
    /// servers may go on; an SQLite file must not be served meanwhile.
    Compact {
        /// Span to keep, at least a day: 90d
        #[arg(long, value_name = "SPAN", value_parser = at_least_a_day)]
        keep: std::time::Duration,
        /// Organization whose log to compact, by its id; may be repeated [default: every one]
        #[arg(short, long = "organization", value_name = "ID")]
        organizations: Vec<String>,
        /// How to print what was removed.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Writes organizations as an event stream: to move them to another database, or to keep.
    ///
    /// Each is written as it is at one moment. On PostgreSQL servers may go on; an SQLite file must not be served meanwhile.
    Export {
        /// Organization to write, by its id; may be repeated [default: every one]
        #[arg(short, long = "organization", value_name = "ID")]
        organizations: Vec<String>,
        /// File to write; it appears when it is complete. `-`: stdout
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Brings the organizations of an event stream in, each as a whole or not at all.
    ///
    /// Every event is checked. An organization that exists already is refused. Watchers of the database that the stream came
    /// from start over from a snapshot.
    Import {
        /// File to read. `-`: stdin
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

/// How outcomes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What becomes of what exists where something is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and nothing is written.
    Refuse,
    /// It is replaced.
    Replace,
}

impl Existing {
    /// As `--force` says.
    pub(crate) const fn of(force: bool) -> Self {
        match force {
            true => Self::Replace,
            false => Self::Refuse,
        }
    }
}

/// Where settings come from, and those with a flag of their own.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct Settings {
    /// File of settings in TOML; crates/server/config.default.toml lists them all.
    #[arg(long, global = true, env = "ECHELON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Database: sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME [default: sqlite://echelon.db]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Address of gRPC [default: 127.0.0.1:7400]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address of /healthz, /readyz and /metrics; empty for none [default: 127.0.0.1:7401]
    #[arg(long, global = true, value_name = "ADDRESS")]
    http_listen: Option<String>,
    /// What to log: error, warn, info, debug, trace, or TARGET=LEVEL,… [default: info, libraries less]
    #[arg(long, global = true, value_name = "FILTER")]
    log_filter: Option<String>,
    /// How to log: text or json [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Refuse an outdated schema instead of bringing it up to date
    #[arg(long, global = true)]
    no_migrate: bool,
    /// Any setting by its name; may be repeated
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

impl Settings {
    /// The checked configuration; `default_database` is used if nobody names one. Errors: every fault.
    pub(crate) fn load(self, default_database: Option<&str>) -> Result<Config, Faults> {
        let Self {
            config,
            database,
            listen,
            http_listen,
            log_filter,
            log_format,
            no_migrate,
            set,
        } = self;
        let mut sources = Sources::defaults();
        if let Some(file) = config {
            sources.add_file(&file)?;
        }
        // What is no text cannot be a setting.
        sources.add_environment(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        for (name, value) in &set {
            sources.add_flag("--set", name, value);
        }
        let flags = [
            ("--database", "database", database),
            ("--listen", "listen", listen),
            ("--http-listen", "http_listen", http_listen),
            ("--log-filter", "log_filter", log_filter),
            ("--log-format", "log_format", log_format),
            (
                "--no-migrate",
                "migrate_at_start",
                no_migrate.then(|| "false".to_owned()),
            ),
        ];
        for (flag, name, value) in flags {
            if let Some(value) = value {
                sources.add_flag(flag, name, &value);
            }
        }
        if let Some(database) = default_database
            && !sources.is_set("database")
        {
            sources.add_flag("--demo", "database", database);
        }
        sources.into_config()
    }
}

/// The demo.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Demo")]
pub(crate) struct Demo {
    /// Play one morning of meetings of a sample organization, then keep serving
    ///
    /// It uses the file echelon-demo.db unless a database is named. A morning that was cut off goes on where it stopped.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Delete the demo's file first, so that the morning begins anew
    #[arg(long, requires = "demo", conflicts_with = "database")]
    pub(crate) demo_fresh: bool,
    /// Pause before each step of the demo
    #[arg(long, requires = "demo", default_value = "100ms", value_name = "SPAN", value_parser = humantime::parse_duration)]
    pub(crate) demo_pace: std::time::Duration,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "write NAME=VALUE".to_owned())
}

/// Watchers that sleep over night must find their events.
fn at_least_a_day(text: &str) -> Result<std::time::Duration, String> {
    const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
    let span = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if span < DAY {
        return Err("must be at least 1d".to_owned());
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_reach_the_configuration() {
        let cli = Cli::parse_from([
            "echelond",
            "--database",
            "sqlite://x.db",
            "--listen",
            "127.0.0.1:1",
            "--http-listen",
            "",
            "--no-migrate",
            "--set",
            "batch_size=3",
            "config",
        ]);
        let config = cli.settings.load(Some(DEMO_DATABASE)).unwrap();
        assert_eq!(config.database, "sqlite://x.db");
        assert_eq!(config.http_listen, None);
        assert!(!config.migrate_at_start);
        assert_eq!(config.batch_size, 3);
    }
}
