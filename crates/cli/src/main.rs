//! `echelon`, the command line of Echelon.
//!
//! One file per subcommand in `command`; `view` makes lines for people out of messages, `document` makes messages out
//! of files, and `output` decides where and how everything is printed.

mod cli;
mod command;
mod config;
mod document;
mod exit;
mod failure;
mod input;
mod name;
mod output;
mod session;
mod settings;
mod time;
mod view;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::{runtime::Builder, signal};

use cli::Cli;
use exit::Exit;
use output::{line::Line, style};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = cli.flags.output();
    let ended = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failure::Failure::Output)
        .and_then(|runtime| {
            runtime.block_on(async {
                // Whichever ends first; the other is dropped and leaves the terminal as it was.
                tokio::select! {
                    ended = cli::run(cli) => ended.map(|()| Exit::Success),
                    signal = interrupted() => signal.map(|()| Exit::Interrupted).map_err(Into::into),
                }
            })
        });
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            for line in failure.lines().unwrap_or_default() {
                let line = match line.split_once(": ") {
                    Some((label @ "error", text)) => labelled(style::ALARM, label, text),
                    Some((label @ "try", text)) => labelled(style::GREEN, label, text),
                    _ => Line::text(&line),
                };
                output.tell(&line);
            }
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

fn labelled(style: anstyle::Style, label: &str, text: &str) -> Line {
    Line::styled(style, label).and(": ").and(text)
}

/// Ctrl-C, or a polite request to end.
async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    signal::ctrl_c().await
}
