//! `echelon blocker comment`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::CommentOnBlockerRequest};

use crate::{failure::Failure, output::line::Line, session::Session};

/// Add a comment to the history; a comment is not progress
#[derive(Args, Debug)]
pub(crate) struct Comment {
    /// The blocker, such as B-12
    blocker: String,
    /// The comment
    text: String,
}

impl Comment {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let name = session.names.blocker(&self.blocker)?;
        let blocker = short(&name);
        let request = CommentOnBlockerRequest {
            name,
            text: self.text,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().comment_on_blocker(request).await
            })
            .await?;
        session.output.changed(&answer, &blocker, || {
            Line::text(&format!("{blocker} has a new comment"))
        })
    }
}
