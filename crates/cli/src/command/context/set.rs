//! `echelon context set`.

use std::path::PathBuf;

use clap::Args;

use super::details;
use crate::{config::Config, failure::Failure, settings::Flags};

/// Make or change a context, and use it
///
/// --address, --organization and --actor say what it holds; what is not named stays as it is, and an empty text
/// removes it. A token is never stored: say in which variable or file it is.
#[derive(Args, Debug)]
pub(crate) struct Set {
    /// Name of the context
    name: String,
    /// Environment variable that holds the bearer token
    #[arg(long, value_name = "VARIABLE", conflicts_with = "token_file")]
    token_env: Option<String>,
    /// File that holds the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Set {
    pub(crate) fn run(self, flags: &Flags) -> Result<(), Failure> {
        let path = Config::path()?;
        let mut config = Config::load(&path)?;
        let context = config.contexts.entry(self.name.clone()).or_default();
        change(&mut context.address, flags.address.clone());
        change(&mut context.organization, flags.organization.clone());
        change(&mut context.actor, flags.actor.clone());
        if let Some(variable) = self.token_env {
            context.token_file = None;
            change(&mut context.token_env, Some(variable));
        }
        if let Some(file) = self.token_file {
            context.token_env = None;
            context.token_file = (!file.as_os_str().is_empty()).then_some(file);
        }
        let lines = details(&self.name, context);
        config.current = Some(self.name.clone());
        config.save(&path)?;
        let output = flags.output();
        if !output.quiet {
            output.lines(&lines)?;
        }
        output.note(&format!("using {} from now on", self.name));
        Ok(())
    }
}

/// Takes a new value, if there is one; an empty one removes the old.
fn change(stored: &mut Option<String>, new: Option<String>) {
    if let Some(new) = new {
        *stored = (!new.is_empty()).then_some(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_replaced_or_removed() {
        let mut stored = Some("old".to_owned());
        change(&mut stored, None);
        assert_eq!(stored.as_deref(), Some("old"));
        change(&mut stored, Some("new".to_owned()));
        assert_eq!(stored.as_deref(), Some("new"));
        change(&mut stored, Some(String::new()));
        assert_eq!(stored, None);
    }
}
