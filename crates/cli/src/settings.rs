//! What holds for every command: flags first, then the environment, then the context, then the default.

use std::time::Duration;

use clap::Args;
use echelon_client::DEFAULT_ADDRESS;

use crate::{
    config::{Config, set},
    failure::Failure,
    output::{Colour, Format, Output},
    time,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Flags of every command. The environment is read later: what is set there must not look like a flag to `context set`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Flags {
    /// Address of the server; several, separated by commas, are balanced [env: ECHELON_ADDRESS] [default: http://127.0.0.1:7400]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) address: Option<String>,
    /// Id of the organization [env: ECHELON_ORGANIZATION]
    #[arg(long, short = 'O', global = true, value_name = "ID")]
    pub(crate) organization: Option<String>,
    /// Who you are, for the record, such as rte@example.com [env: ECHELON_ACTOR]
    #[arg(long, global = true, value_name = "WHO")]
    pub(crate) actor: Option<String>,
    /// Name of the context to use [env: ECHELON_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Form of the output
    #[arg(
        long,
        short = 'o',
        global = true,
        value_enum,
        value_name = "FORM",
        hide_possible_values = false
    )]
    pub(crate) output: Option<Format>,
    /// When to colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub(crate) color: Option<Colour>,
    /// How long a call may take [default: 10s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = time::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// Of reads: wait for an answer that reflects at least this revision, as an earlier one told it
    #[arg(long, global = true, value_name = "REVISION", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) min_revision: Option<i64>,
    /// Do not send long output through a pager
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// Print only what was asked for: no notes, no header; of a change, the name alone
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// What the flags, the environment and the configuration file say together.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) addresses: Vec<String>,
    pub(crate) organization: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) timeout: Duration,
    /// The trace that the command was started in.
    pub(crate) trace_parent: Option<String>,
}

impl Flags {
    /// Where the output goes; needs no configuration.
    pub(crate) fn output(&self) -> Output {
        Output {
            format: self.output.unwrap_or_default(),
            colour: self.color.unwrap_or_default(),
            quiet: self.quiet,
            pager: !self.no_pager,
        }
    }

    /// Whom to call and how.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let asked = self.context.clone().or_else(|| set("ECHELON_CONTEXT"));
        let context = Config::load(&Config::path()?)?.context(asked.as_deref())?;
        let token = context.token()?;
        let first = |flag: &Option<String>, variable, configured| {
            flag.clone().or_else(|| set(variable)).or(configured)
        };
        let address = first(&self.address, "ECHELON_ADDRESS", context.address)
            .unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        Ok(Settings {
            addresses: address
                .split(',')
                .map(|address| address.trim().to_owned())
                .collect(),
            organization: first(
                &self.organization,
                "ECHELON_ORGANIZATION",
                context.organization,
            ),
            actor: first(&self.actor, "ECHELON_ACTOR", context.actor),
            token,
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            trace_parent: set("TRACEPARENT"),
        })
    }
}
