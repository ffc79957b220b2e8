//! `echelon organization`.

mod create;
mod list;
mod show;
mod update;

use std::time::Duration;

use clap::{Args, Subcommand};
use echelon_client::v1::OrganizationSettings;

use crate::{failure::Failure, session::Session, time};

/// Create, list, show and update organizations
#[derive(Debug, Subcommand)]
pub(crate) enum Organization {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Update(update::Update),
}

impl Organization {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
            Self::Update(update) => update.run(session).await,
        }
    }
}

/// Spans of time that an organization may tune.
#[derive(Args, Clone, Copy, Debug)]
struct SettingsFlags {
    /// An open blocker older than this counts as aged
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    aged_after: Option<Duration>,
    /// A date nearer than this counts as due soon
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    due_soon_within: Option<Duration>,
    /// How long an acknowledgement holds
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    acknowledgement_expiry: Option<Duration>,
    /// The longest hold
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    hold_limit: Option<Duration>,
}

impl SettingsFlags {
    fn to_proto(self) -> OrganizationSettings {
        OrganizationSettings {
            aged_after: self.aged_after.map(time::duration_to_proto),
            due_soon_within: self.due_soon_within.map(time::duration_to_proto),
            acknowledgement_expiry: self.acknowledgement_expiry.map(time::duration_to_proto),
            hold_limit: self.hold_limit.map(time::duration_to_proto),
        }
    }

    /// Paths of those that are set.
    fn paths(self) -> impl Iterator<Item = String> {
        [
            ("aged_after", self.aged_after),
            ("due_soon_within", self.due_soon_within),
            ("acknowledgement_expiry", self.acknowledgement_expiry),
            ("hold_limit", self.hold_limit),
        ]
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .map(|(name, _)| format!("settings.{name}"))
    }
}
