//! `echelon meeting show`.

use clap::Args;
use echelon_client::v1::GetMeetingRequest;

use super::complete;
use crate::{failure::Failure, session::Session, view::meeting};

/// Show a meeting with its check-ins and, once closed, the fate of every blocker
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The meeting, such as M-3, or the node whose meeting is open
    meeting: String,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = GetMeetingRequest {
            name: session.meeting(&self.meeting).await?,
            min_revision: session.min_revision,
        };
        let mut found = session
            .call(request, |client, request| async move {
                client.meetings().get_meeting(request).await
            })
            .await?;
        complete(session, found.meeting.as_mut(), found.revision).await?;
        let meeting = found
            .meeting
            .as_ref()
            .ok_or(Failure::Incomplete("meeting"))?;
        session
            .output
            .show(&found, || meeting::details(meeting, &session.view()))
    }
}
