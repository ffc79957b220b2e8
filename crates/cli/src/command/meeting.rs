//! `echelon meeting`.

mod agenda;
mod check_in;
mod close;
mod list;
mod open;
mod show;

use clap::Subcommand;
use echelon_client::v1;

use crate::{failure::Failure, output::list::collect, session::Session};

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

/// Fetches the fates of a meeting that are more than one answer has room for.
async fn complete(
    session: &Session,
    meeting: Option<&mut v1::Meeting>,
    min_revision: i64,
) -> Result<(), Failure> {
    let Some(meeting) = meeting else {
        return Ok(());
    };
    let told = i64::try_from(meeting.fates.len()).unwrap_or(i64::MAX);
    if told >= meeting.fate_count {
        return Ok(());
    }
    let parent = meeting.name.clone();
    let all: v1::ListMeetingFatesResponse = collect(None, |page_size, page_token| {
        session.call(
            v1::ListMeetingFatesRequest {
                parent: parent.clone(),
                page_size,
                page_token,
                min_revision,
            },
            |client, request| async move { client.meetings().list_meeting_fates(request).await },
        )
    })
    .await?;
    meeting.fates = all.fates;
    Ok(())
}
