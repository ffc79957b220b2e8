//! `echelon node create`.

use clap::Args;
use echelon_client::{
    request_id,
    v1::{CreateNodeRequest, Node, Representative},
};

use super::representative;
use crate::{failure::Failure, output::line::Line, session::Session};

/// Create a node
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Id of the new node: `a-z`, `0-9` and `-`
    id: String,
    /// The node above it
    #[arg(long, short, value_name = "NODE")]
    parent: String,
    /// Level label, such as TEAM
    #[arg(long, short, value_name = "LEVEL")]
    level: String,
    /// Name for people; default: the id
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    display_name: String,
    /// Who speaks for it, as ROLE=PERSON; may be repeated
    #[arg(long, value_name = "ROLE=PERSON", value_parser = representative)]
    representative: Vec<Representative>,
}

impl Create {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let parent = session.names.node(&self.parent)?;
        let request = CreateNodeRequest {
            parent: session.names.organization()?,
            node_id: self.id.clone(),
            node: Some(Node {
                parent,
                level: self.level,
                display_name: self.display_name,
                representatives: self.representative,
                ..Node::default()
            }),
            request_id: request_id(),
        };
        let created = session
            .call(request, |client, request| async move {
                client.nodes().create_node(request).await
            })
            .await?;
        session.output.changed(&created, &self.id, || {
            Line::text(&format!("{} is a node below {} now", self.id, self.parent))
        })
    }
}
