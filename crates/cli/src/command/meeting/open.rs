//! `echelon meeting open`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::OpenMeetingRequest};

use crate::{
    failure::Failure,
    output::{line::Line, style},
    session::Session,
};

/// Open a meeting of a node
#[derive(Args, Debug)]
pub(crate) struct Open {
    /// The node that meets; default: the root
    node: Option<String>,
    /// What it is called; default: by the node's height
    #[arg(
        long,
        short,
        value_name = "TITLE",
        default_value = "",
        hide_default_value = true
    )]
    title: String,
}

impl Open {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = OpenMeetingRequest {
            node: session.node_or_root(self.node.as_deref()).await?,
            title: self.title,
            request_id: request_id(),
        };
        let opened = session
            .call(request, |client, request| async move {
                client.meetings().open_meeting(request).await
            })
            .await?;
        let meeting = opened
            .meeting
            .clone()
            .ok_or(Failure::Incomplete("meeting"))?;
        let name = short(&meeting.name);
        session.output.changed(&opened, &name, || {
            Line::styled(style::BOLD, &name).and(&format!(
                " {} of {} is open",
                meeting.title,
                short(&meeting.node)
            ))
        })?;
        session.output.note(&format!(
            "echelon meeting agenda {name} shows what to look at; echelon meeting close {name} ends it"
        ));
        Ok(())
    }
}
