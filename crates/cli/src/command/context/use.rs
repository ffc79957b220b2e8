//! `echelon context use`.

use clap::Args;

use crate::{config::Config, failure::Failure, settings::Flags};

/// Use a context from now on
#[derive(Args, Debug)]
pub(crate) struct Use {
    /// Name of the context
    name: String,
}

impl Use {
    pub(crate) fn run(self, flags: &Flags) -> Result<(), Failure> {
        let path = Config::path()?;
        let mut config = Config::load(&path)?;
        config.named(&self.name)?;
        config.current = Some(self.name.clone());
        config.save(&path)?;
        flags
            .output()
            .note(&format!("using {} from now on", self.name));
        Ok(())
    }
}
