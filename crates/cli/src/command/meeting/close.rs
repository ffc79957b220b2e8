//! `echelon meeting close`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::CloseMeetingRequest};

use super::complete;
use crate::{failure::Failure, output::line::Line, session::Session, view::meeting};

/// Close a meeting: what it could not solve is carried over or moves up
#[derive(Args, Debug)]
pub(crate) struct Close {
    /// The meeting, such as M-3, or the node whose meeting is open
    meeting: String,
}

impl Close {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = CloseMeetingRequest {
            name: session.meeting(&self.meeting).await?,
            request_id: request_id(),
        };
        let mut closed = session
            .call(request, |client, request| async move {
                client.meetings().close_meeting(request).await
            })
            .await?;
        complete(session, closed.meeting.as_mut(), closed.revision).await?;
        let meeting = closed
            .meeting
            .as_ref()
            .ok_or(Failure::Incomplete("meeting"))?;
        session.output.show(&closed, || {
            if session.output.quiet {
                return vec![Line::text(&short(&meeting.name))];
            }
            let mut lines = vec![meeting::heading(meeting)];
            lines.extend(meeting::fates(&meeting.fates, &session.view()));
            lines
        })
    }
}
