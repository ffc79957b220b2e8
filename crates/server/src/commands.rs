//! What the command line can ask for, one file each.

mod backup;
mod check;
mod compact;
mod epoch;
mod export;
mod import;
mod migrate;
mod partial;
mod progress;
mod restore;
mod serve;

use std::process::ExitCode;

use crate::cli::{Cli, Command, DEMO_DATABASE, Existing};

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli {
        settings,
        demo,
        command,
    } = cli;
    let config = settings.load(demo.demo.then_some(DEMO_DATABASE))?;
    match command {
        None => serve::serve(config, demo).await,
        Some(Command::Config) => {
            print!("{}", config.to_toml());
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Migrate) => migrate::migrate(&config).await,
        Some(Command::NewEpoch) => epoch::begin(&config).await,
        Some(Command::Check { backup, output }) => match backup {
            Some(file) => check::check_backup(&config, &file, output).await,
            None => check::check(&config, output).await,
        },
        Some(Command::Backup {
            file,
            force,
            output,
        }) => backup::backup(&config, &file, Existing::of(force), output).await,
        Some(Command::Restore {
            file,
            force,
            output,
        }) => restore::restore(&config, &file, Existing::of(force), output).await,
        Some(Command::Compact {
            organizations,
            keep,
            output,
        }) => compact::compact(&config, &organizations, keep, output).await,
        Some(Command::Export {
            organizations,
            file,
        }) => export::export(&config, &organizations, &file).await,
        Some(Command::Import { file }) => import::import(&config, &file).await,
    }
}
