//! `echelon policy`.

mod apply;
mod list;
mod rebase;
mod show;
mod test;
mod versions;

use clap::Subcommand;

use crate::{failure::Failure, session::Session};

/// Apply, show, test and rebase escalation policies
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    Apply(apply::Apply),
    List(list::List),
    Show(show::Show),
    Versions(versions::Versions),
    Test(Box<test::Test>),
    Rebase(rebase::Rebase),
}

impl Policy {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Apply(apply) => apply.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
            Self::Versions(versions) => versions.run(session).await,
            Self::Test(test) => test.run(session).await,
            Self::Rebase(rebase) => rebase.run(session).await,
        }
    }
}
