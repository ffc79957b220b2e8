//! `echelon context show`.

use clap::Args;

use super::details;
use crate::{
    config::{Config, set},
    failure::Failure,
    output::Format,
    settings::Flags,
};

/// Show a context
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Name of the context; default: the one in use
    name: Option<String>,
}

impl Show {
    pub(crate) fn run(self, flags: &Flags) -> Result<(), Failure> {
        let config = Config::load(&Config::path()?)?;
        let asked = self
            .name
            .or_else(|| flags.context.clone())
            .or_else(|| set("ECHELON_CONTEXT"));
        let Some(name) = asked.or_else(|| config.current.clone()) else {
            return Err(Failure::Usage {
                message: "no context is in use".to_owned(),
                hint: Some(
                    "echelon context set NAME --address URL --organization ID makes one".to_owned(),
                ),
            });
        };
        let context = config.named(&name)?;
        let output = flags.output();
        if output.format == Format::Table {
            output.lines(&details(&name, context))
        } else {
            output.value(context)
        }
    }
}
