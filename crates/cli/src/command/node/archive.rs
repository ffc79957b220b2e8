//! `echelon node archive`.

use clap::Args;
use echelon_client::{request_id, v1::ArchiveNodeRequest};

use super::reheld;
use crate::{command::Guard, failure::Failure, output::line::Line, session::Session};

/// Archive a node without active children
///
/// Its open meeting closes, and blockers that it holds move to its parent. Its history stays.
#[derive(Args, Debug)]
pub(crate) struct Archive {
    /// The node
    node: String,
    #[command(flatten)]
    guard: Guard,
}

impl Archive {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ArchiveNodeRequest {
            name: session.names.node(&self.node)?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let archived = session
            .call(request, |client, request| async move {
                client.nodes().archive_node(request).await
            })
            .await?;
        session.output.changed(&archived, &self.node, || {
            let reheld = reheld(&archived.reheld_blockers);
            Line::text(&format!("{} is archived{reheld}", self.node))
        })
    }
}
