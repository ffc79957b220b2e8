//! `echelon attention`: what needs attention now.

use clap::Args;
use echelon_client::v1::{ListAttentionRequest, ListAttentionResponse};

use super::Limit;
use crate::{failure::Failure, session::Session, view::attention};

/// List what needs attention at a node, most pressing first
#[derive(Args, Debug)]
pub(crate) struct Attention {
    /// The node; default: the root
    node: Option<String>,
    /// What its whole subtree has to look at, not only the node itself
    #[arg(long, short)]
    subtree: bool,
    #[command(flatten)]
    limit: Limit,
}

impl Attention {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ListAttentionRequest {
            node: session.node_or_root(self.node.as_deref()).await?,
            include_subtree: self.subtree,
            page_size: 0,
            page_token: String::new(),
            min_revision: session.min_revision,
        };
        session
            .list::<ListAttentionResponse, _>(
                "things need attention",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListAttentionRequest {
                            page_size,
                            page_token,
                            ..request.clone()
                        },
                        |client, request| async move { client.rollups().list_attention(request).await },
                    )
                },
                attention::table,
            )
            .await
    }
}
