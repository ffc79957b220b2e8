//! `echelon meeting agenda`.

use clap::Args;
use echelon_client::v1::{GetAgendaRequest, GetAgendaResponse};

use crate::{failure::Failure, output::list::collect, session::Session, view::agenda};

/// Show what a meeting has to look at, most pressing first
#[derive(Args, Debug)]
pub(crate) struct Agenda {
    /// The meeting, such as M-3, or a node: what its open or next meeting will look at; default: the root
    meeting: Option<String>,
}

impl Agenda {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let meeting = match self.meeting.as_deref() {
            Some(text) => session.names.meeting(text)?,
            None => None,
        };
        let name = match meeting {
            Some(meeting) => meeting,
            None => session.node_or_root(self.meeting.as_deref()).await?,
        };
        let agenda: GetAgendaResponse = collect(None, |page_size, page_token| {
            session.call(
                GetAgendaRequest {
                    name: name.clone(),
                    min_revision: session.min_revision,
                    page_size,
                    page_token,
                },
                |client, request| async move { client.meetings().get_agenda(request).await },
            )
        })
        .await?;
        session
            .output
            .show(&agenda, || agenda::lines(&agenda, &session.view()))
    }
}
