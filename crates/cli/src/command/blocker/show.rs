//! `echelon blocker show`.

use clap::Args;
use echelon_client::v1::GetBlockerRequest;

use crate::{failure::Failure, session::Session, view::blocker};

/// Show a blocker in full
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The blocker, such as B-12
    blocker: String,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = GetBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            min_revision: session.min_revision,
        };
        let found = session
            .call(request, |client, request| async move {
                client.blockers().get_blocker(request).await
            })
            .await?;
        let blocker = found
            .blocker
            .as_ref()
            .ok_or(Failure::Incomplete("blocker"))?;
        session
            .output
            .show(&found, || blocker::details(blocker, &session.view()))
    }
}
