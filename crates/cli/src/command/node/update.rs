//! `echelon node update`.

use clap::Args;
use echelon_client::{
    request_id,
    v1::{Node, Representative, UpdateNodeRequest},
};
use prost_types::FieldMask;

use super::representative;
use crate::{command::Guard, failure::Failure, output::line::Line, session::Session};

/// Change a node's name, level or representatives
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct Update {
    /// The node
    node: String,
    /// New name for people
    #[arg(long, value_name = "NAME", group = "change")]
    display_name: Option<String>,
    /// New level label, such as TEAM
    #[arg(long, short, value_name = "LEVEL", group = "change")]
    level: Option<String>,
    /// Who speaks for it now, as ROLE=PERSON; may be repeated, and replaces all there are
    #[arg(long, value_name = "ROLE=PERSON", value_parser = representative, group = "change")]
    representative: Vec<Representative>,
    /// Nobody speaks for it any more
    #[arg(long, group = "change", conflicts_with = "representative")]
    no_representatives: bool,
    #[command(flatten)]
    guard: Guard,
}

impl Update {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut paths = Vec::new();
        if self.display_name.is_some() {
            paths.push("display_name".to_owned());
        }
        if self.level.is_some() {
            paths.push("level".to_owned());
        }
        if self.no_representatives || !self.representative.is_empty() {
            paths.push("representatives".to_owned());
        }
        let request = UpdateNodeRequest {
            node: Some(Node {
                name: session.names.node(&self.node)?,
                display_name: self.display_name.unwrap_or_default(),
                level: self.level.unwrap_or_default(),
                representatives: self.representative,
                etag: self.guard.etag,
                ..Node::default()
            }),
            update_mask: Some(FieldMask { paths }),
            request_id: request_id(),
        };
        let updated = session
            .call(request, |client, request| async move {
                client.nodes().update_node(request).await
            })
            .await?;
        session.output.changed(&updated, &self.node, || {
            Line::text(&format!("{} is updated", self.node))
        })
    }
}
