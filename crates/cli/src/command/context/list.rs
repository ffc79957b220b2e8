//! `echelon context list`.

use clap::Args;

use super::token;
use crate::{
    config::Config,
    failure::Failure,
    output::{
        Format,
        line::Line,
        style,
        table::{Column, Table},
    },
    settings::Flags,
};

/// List contexts; the one in use has a star
#[derive(Args, Debug)]
pub(crate) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Failure> {
        let config = Config::load(&Config::path()?)?;
        let output = flags.output();
        if output.format != Format::Table {
            return output.value(&config);
        }
        if config.contexts.is_empty() {
            output.note(
                "no contexts; echelon context set NAME --address URL --organization ID makes one",
            );
            return Ok(());
        }
        let mut table = Table::new([
            Column::left(""),
            Column::left("NAME"),
            Column::left("ADDRESS").giving_way(),
            Column::left("ORGANIZATION"),
            Column::left("ACTOR").giving_way(),
            Column::left("TOKEN").giving_way(),
        ]);
        for (name, context) in &config.contexts {
            let current = config.current.as_ref() == Some(name);
            table.row([
                Line::styled(style::GREEN, if current { "*" } else { "" }),
                Line::styled(style::BOLD, name),
                Line::text(context.address.as_deref().unwrap_or("-")),
                Line::text(context.organization.as_deref().unwrap_or("-")),
                Line::text(context.actor.as_deref().unwrap_or("-")),
                Line::text(&token(context)),
            ]);
        }
        output.lines(&table.lines(output.size().map(|(width, _)| width)))
    }
}
