//! `echelond`: the command line of the server.

mod cli;
mod clock_shift;
mod commands;
mod demo;
mod files;
mod shutdown;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;
use echelon_server::config::Faults;

/// A commit copies many small nodes of persistent maps: this allocator makes that cheap, and keeps memory compact.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line or the configuration is wrong, as clap reports it.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    files::raise_limit();
    match commands::run(cli::Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("echelond: {error:#}");
            if error.is::<Faults>() {
                return ExitCode::from(USAGE);
            }
            ExitCode::FAILURE
        }
    }
}
