//! `echelon meeting`.

mod agenda;
mod check_in;
mod close;
mod list;
mod open;
mod show;

use clap::Subcommand;

use crate::{failure::Failure, session::Session};

/// Open meetings, check in, look at agendas and close
#[derive(Debug, Subcommand)]
pub(crate) enum Meeting {
    Open(open::Open),
    CheckIn(check_in::CheckIn),
    Agenda(agenda::Agenda),
    Close(close::Close),
    List(list::List),
    Show(show::Show),
}

impl Meeting {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Open(open) => open.run(session).await,
            Self::CheckIn(check_in) => check_in.run(session).await,
            Self::Agenda(agenda) => agenda.run(session).await,
            Self::Close(close) => close.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
        }
    }
}
