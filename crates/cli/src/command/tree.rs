//! `echelon tree`: the tree of nodes.

use clap::Args;
use echelon_client::v1::{ListNodesRequest, ListNodesResponse};

use crate::{failure::Failure, output::list::collect, session::Session, view::tree};

/// Draw the tree of nodes
#[derive(Args, Debug)]
pub(crate) struct Tree {
    /// Top of the tree; default: the root
    node: Option<String>,
    /// Draw this many levels below the top; default: all
    #[arg(long, short, value_name = "LEVELS", value_parser = clap::value_parser!(i32).range(1..))]
    depth: Option<i32>,
    /// Only nodes with this level label, such as TEAM
    #[arg(long, short, value_name = "LEVEL")]
    level: Option<String>,
    /// Archived nodes, too
    #[arg(long, short)]
    all: bool,
}

impl Tree {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListNodesRequest {
            parent: session.names.organization()?,
            subtree: session.names.optional_node(self.node.as_deref())?,
            max_depth: self.depth.unwrap_or(0),
            level: self.level.unwrap_or_default(),
            show_archived: self.all,
            page_size: 0,
            page_token: String::new(),
            min_revision: session.min_revision,
        };
        let nodes: ListNodesResponse = collect(None, |page_size, page_token| {
            session.call(
                ListNodesRequest {
                    page_size,
                    page_token,
                    ..request.clone()
                },
                |client, request| async move { client.nodes().list_nodes(request).await },
            )
        })
        .await?;
        if nodes.nodes.is_empty() {
            session.output.note("no nodes");
        }
        session.output.show(&nodes, || {
            let width = session.view().width;
            tree::lines(&nodes.nodes)
                .into_iter()
                .map(|line| match width {
                    Some(width) => line.cut(width),
                    None => line,
                })
                .collect()
        })
    }
}
