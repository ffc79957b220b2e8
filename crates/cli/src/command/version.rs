//! `echelon version`.

use clap::Args;
use serde_json::json;

use crate::{failure::Failure, output::Format, settings::Flags};

/// Print the version
#[derive(Args, Debug)]
pub(crate) struct Version {}

impl Version {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let output = flags.output();
        output.text(&match output.format {
            Format::Table => format!("echelon {version}\n"),
            Format::Json => format!("{}\n", json!({ "version": version })),
            Format::Yaml => format!("version: {version}\n"),
        })
    }
}
