//! `echelon context delete`.

use clap::Args;

use crate::{config::Config, failure::Failure, settings::Flags};

/// Forget a context
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Name of the context
    name: String,
}

impl Delete {
    pub(crate) fn run(self, flags: &Flags) -> Result<(), Failure> {
        let path = Config::path()?;
        let mut config = Config::load(&path)?;
        config.named(&self.name)?;
        config.contexts.remove(&self.name);
        if config.current.as_deref() == Some(self.name.as_str()) {
            config.current = None;
        }
        config.save(&path)?;
        flags.output().note(&format!("{} is forgotten", self.name));
        Ok(())
    }
}
