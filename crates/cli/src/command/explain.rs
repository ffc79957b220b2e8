//! `echelon explain`: why a blocker is where it is, and what moves it next.

use clap::Args;
use echelon_client::v1::ExplainBlockerRequest;

use crate::{failure::Failure, session::Session, view::explain};

/// Explain why a blocker is where it is, which rules hold or not, and what moves it next
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The blocker, such as B-12
    blocker: String,
}

impl Explain {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ExplainBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            min_revision: session.min_revision,
        };
        let explained = session
            .call(request, |client, request| async move {
                client.blockers().explain_blocker(request).await
            })
            .await?;
        session
            .output
            .show(&explained, || explain::lines(&explained, &session.view()))
    }
}
