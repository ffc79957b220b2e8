//! `echelon node show`.

use clap::Args;
use echelon_client::v1::GetNodeRequest;

use crate::{failure::Failure, session::Session, view::node};

/// Show a node
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The node; default: the root
    node: Option<String>,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = GetNodeRequest {
            name: session.node_or_root(self.node.as_deref()).await?,
            min_revision: session.min_revision,
        };
        let found = session
            .call(request, |client, request| async move {
                client.nodes().get_node(request).await
            })
            .await?;
        let node = found.node.as_ref().ok_or(Failure::Incomplete("node"))?;
        session
            .output
            .show(&found, || node::details(node, &session.view()))
    }
}
