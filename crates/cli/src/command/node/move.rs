//! `echelon node move`.

use clap::Args;
use echelon_client::{request_id, v1::MoveNodeRequest};

use super::reheld;
use crate::{command::Guard, failure::Failure, output::line::Line, session::Session};

/// Give a node another parent
///
/// A blocker whose holder is not above its origin any more moves to the nearest node that is.
#[derive(Args, Debug)]
pub(crate) struct Move {
    /// The node
    node: String,
    /// Its new parent
    #[arg(long, value_name = "NODE")]
    to: String,
    #[command(flatten)]
    guard: Guard,
}

impl Move {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = MoveNodeRequest {
            name: session.names.node(&self.node)?,
            new_parent: session.names.node(&self.to)?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let moved = session
            .call(request, |client, request| async move {
                client.nodes().move_node(request).await
            })
            .await?;
        session.output.changed(&moved, &self.node, || {
            let reheld = reheld(&moved.reheld_blockers);
            Line::text(&format!("{} is below {} now{reheld}", self.node, self.to))
        })
    }
}
