//! `echelon completions`: completions for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{cli::Cli, failure::Failure, settings::Flags};

/// Print completions for a shell
///
/// For bash: echelon completions bash > ~/.local/share/bash-completion/completions/echelon
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        generate(self.shell, &mut Cli::command(), "echelon", &mut bytes);
        flags.output().text(&String::from_utf8_lossy(&bytes))
    }
}
