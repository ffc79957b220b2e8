//! `echelon-torture`: see `cargo xtask torture`.

use std::process::ExitCode;

use clap::Parser as _;
use echelon_torture::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
