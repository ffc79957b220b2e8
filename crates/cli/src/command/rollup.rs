//! `echelon rollup`: the aggregate view of a subtree.

use clap::Args;
use echelon_client::v1::GetRollupRequest;

use crate::{failure::Failure, session::Session, view::rollup};

/// Show the open blockers of a node's subtree, child by child
#[derive(Args, Debug)]
pub(crate) struct Rollup {
    /// The node; default: the root
    node: Option<String>,
}

impl Rollup {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = GetRollupRequest {
            node: session.node_or_root(self.node.as_deref()).await?,
            min_revision: session.min_revision,
        };
        let found = session
            .call(request, |client, request| async move {
                client.rollups().get_rollup(request).await
            })
            .await?;
        let rollup = found
            .rollup
            .as_ref()
            .ok_or(Failure::Incomplete("roll-up"))?;
        session
            .output
            .show(&found, || rollup::lines(rollup, &session.view()))
    }
}
