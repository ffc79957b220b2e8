//! `echelon context`.

mod delete;
mod list;
mod set;
mod show;
mod r#use;

use clap::Subcommand;

use crate::{
    config::Context as Stored,
    failure::Failure,
    output::{fields::Fields, line::Line, style},
    settings::Flags,
};

/// Name servers and organizations, and choose which to work with
#[derive(Debug, Subcommand)]
pub(crate) enum Context {
    Set(set::Set),
    List(list::List),
    Use(r#use::Use),
    Show(show::Show),
    Delete(delete::Delete),
}

impl Context {
    pub(crate) fn run(self, flags: &Flags) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run(flags),
            Self::List(list) => list.run(flags),
            Self::Use(r#use) => r#use.run(flags),
            Self::Show(show) => show.run(flags),
            Self::Delete(delete) => delete.run(flags),
        }
    }
}

/// A context in full.
fn details(name: &str, context: &Stored) -> Vec<Line> {
    let mut fields = Fields::new();
    fields.add("address", context.address.as_deref().unwrap_or_default());
    fields.add(
        "organization",
        context.organization.as_deref().unwrap_or_default(),
    );
    fields.add("actor", context.actor.as_deref().unwrap_or_default());
    fields.add("token", &token(context));
    let mut lines = vec![Line::styled(style::BOLD, name)];
    lines.extend(fields.lines());
    lines
}

/// Where the token is; never the token.
fn token(context: &Stored) -> String {
    match (&context.token_env, &context.token_file) {
        (Some(variable), _) => format!("in {variable}"),
        (None, Some(path)) => format!("in {}", path.display()),
        (None, None) => String::new(),
    }
}
