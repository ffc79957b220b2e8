//! `NodeService`.

use std::sync::Arc;

use echelon_api::{
    convert::{
        mask::Mask,
        name,
        node::{parse_representatives, to_proto},
        non_empty, parse_etag,
    },
    v1::{self, node_service_server::NodeService},
};
use echelon_domain::{
    BlockerNumber, Error, NodeId, Organization,
    command::{Command, Outcome},
    decide::Decision,
    node::Level,
};
use tonic::{Request, Response, Status, async_trait};

use super::{
    call::{call, reply, required},
    page::Paging,
};
use crate::app::App;

const UPDATABLE: &[&str] = &["display_name", "level", "representatives"];

pub(super) struct Nodes {
    app: Arc<App>,
}

impl Nodes {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn create(
        &self,
        request: Request<v1::CreateNodeRequest>,
    ) -> Result<v1::CreateNodeResponse, Error> {
        let (call, message) = call("CreateNode", request, |m| &mut m.request_id)?;
        let v1::CreateNodeRequest {
            parent,
            node_id,
            node,
            request_id: _,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let node = required("node", node)?;
        let command = Command::CreateNode {
            id: NodeId::new("node_id", &node_id)?,
            parent: name::parse_node_of(&organization, "node.parent", &node.parent)?,
            level: Level::new("node.level", &node.level)?,
            display_name: non_empty(&node.display_name).map(str::to_owned),
            representatives: parse_representatives("node.representatives", &node.representatives)?,
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                let (node, _) = changed(decision)?;
                Ok(v1::CreateNodeResponse {
                    node: Some(node),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn update(
        &self,
        request: Request<v1::UpdateNodeRequest>,
    ) -> Result<v1::UpdateNodeResponse, Error> {
        let (call, message) = call("UpdateNode", request, |m| &mut m.request_id)?;
        let v1::UpdateNodeRequest {
            node,
            update_mask,
            request_id: _,
        } = message;
        let node = required("node", node)?;
        let (organization, id) = name::parse_node("node.name", &node.name)?;
        let mask = Mask::new(update_mask.as_ref(), UPDATABLE)?;
        let representatives = parse_representatives("node.representatives", &node.representatives)?;
        let has_representatives = !representatives.is_empty();
        let command = Command::UpdateNode {
            id,
            display_name: mask.pick(
                "display_name",
                node.display_name.clone(),
                !node.display_name.is_empty(),
            ),
            level: mask
                .pick("level", &node.level, !node.level.is_empty())
                .map(|level| Level::new("node.level", level))
                .transpose()?,
            representatives: mask.pick("representatives", representatives, has_representatives),
            etag: parse_etag("node.etag", &node.etag)?,
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                let (node, _) = changed(decision)?;
                Ok(v1::UpdateNodeResponse {
                    node: Some(node),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn relocate(
        &self,
        request: Request<v1::MoveNodeRequest>,
    ) -> Result<v1::MoveNodeResponse, Error> {
        let (call, message) = call("MoveNode", request, |m| &mut m.request_id)?;
        let v1::MoveNodeRequest {
            name: node,
            new_parent,
            etag,
            request_id: _,
        } = message;
        let (organization, id) = name::parse_node("name", &node)?;
        let command = Command::MoveNode {
            id,
            new_parent: name::parse_node_of(&organization, "new_parent", &new_parent)?,
            etag: parse_etag("etag", &etag)?,
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                let (node, reheld_blockers) = changed(decision)?;
                Ok(v1::MoveNodeResponse {
                    node: Some(node),
                    reheld_blockers,
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn archive(
        &self,
        request: Request<v1::ArchiveNodeRequest>,
    ) -> Result<v1::ArchiveNodeResponse, Error> {
        let (call, message) = call("ArchiveNode", request, |m| &mut m.request_id)?;
        let v1::ArchiveNodeRequest {
            name: node,
            etag,
            request_id: _,
        } = message;
        let (organization, id) = name::parse_node("name", &node)?;
        let command = Command::ArchiveNode {
            id,
            etag: parse_etag("etag", &etag)?,
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                let (node, reheld_blockers) = changed(decision)?;
                Ok(v1::ArchiveNodeResponse {
                    node: Some(node),
                    reheld_blockers,
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn get(&self, message: v1::GetNodeRequest) -> Result<v1::GetNodeResponse, Error> {
        let v1::GetNodeRequest { name, min_revision } = message;
        let (organization, id) = name::parse_node("name", &name)?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        let node = snapshot.tree().require(&id)?;
        Ok(v1::GetNodeResponse {
            node: Some(to_proto(&snapshot, node)),
            revision: snapshot.revision(),
        })
    }

    async fn list(
        &self,
        mut message: v1::ListNodesRequest,
    ) -> Result<v1::ListNodesResponse, Error> {
        let min_revision = std::mem::take(&mut message.min_revision);
        let paging = Paging::of(
            "ListNodes",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            100,
        )?;
        let v1::ListNodesRequest {
            parent,
            subtree,
            max_depth,
            level,
            show_archived,
            page_size: _,
            page_token: _,
            min_revision: _,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let max_depth = usize::try_from(max_depth)
            .map_err(|_| Error::field("max_depth", "must not be negative: use 0 for all levels"))?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        let tree = snapshot.tree();
        let top = match non_empty(&subtree) {
            Some(subtree) => name::parse_node_of(&organization, "subtree", subtree)?,
            None => root(&snapshot)?,
        };
        tree.require(&top)?;
        let top_depth = tree.depth(&top);
        // With the archived ones, so that a page goes on after a node that was archived since the page before.
        let order = tree.whole_subtree(&top);
        let after = paging.cursor(|id| {
            let id = NodeId::new("page_token", id).ok()?;
            order.iter().position(|node| *node == id)
        })?;
        let mut found: Vec<&Arc<echelon_domain::node::Node>> = order
            [after.map_or(0, |at| at + 1)..]
            .iter()
            .filter_map(|id| tree.get(id))
            .filter(|node| show_archived || !node.archived)
            .filter(|node| level.is_empty() || node.level.as_str() == level)
            .filter(|node| max_depth == 0 || tree.depth(&node.id) - top_depth <= max_depth)
            .take(paging.size + 1)
            .collect();
        let next_page_token = paging.cut(&mut found, |node| node.id.to_string());
        Ok(v1::ListNodesResponse {
            nodes: found.iter().map(|node| to_proto(&snapshot, node)).collect(),
            next_page_token,
            revision: snapshot.revision(),
        })
    }
}

/// The root of an organization that exists. Errors: [`Error::NotFound`].
pub(super) fn root(organization: &Organization) -> Result<NodeId, Error> {
    Ok(organization.profile()?.root.clone())
}

/// The node that a command changed, and the names of the blockers that moved because of it.
fn changed(decision: &Decision) -> Result<(v1::Node, Vec<String>), Error> {
    let Outcome::Node { id, reheld } = &decision.outcome else {
        return Err(Error::internal("a change of a node had another outcome"));
    };
    let organization = &decision.next;
    let blocker = |number: &BlockerNumber| name::blocker(organization.id(), *number);
    Ok((
        to_proto(organization, organization.tree().require(id)?),
        reheld.iter().map(blocker).collect(),
    ))
}

#[async_trait]
impl NodeService for Nodes {
    async fn create_node(
        &self,
        request: Request<v1::CreateNodeRequest>,
    ) -> Result<Response<v1::CreateNodeResponse>, Status> {
        reply(self.create(request).await)
    }

    async fn get_node(
        &self,
        request: Request<v1::GetNodeRequest>,
    ) -> Result<Response<v1::GetNodeResponse>, Status> {
        reply(self.get(request.into_inner()).await)
    }

    async fn list_nodes(
        &self,
        request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        reply(self.list(request.into_inner()).await)
    }

    async fn update_node(
        &self,
        request: Request<v1::UpdateNodeRequest>,
    ) -> Result<Response<v1::UpdateNodeResponse>, Status> {
        reply(self.update(request).await)
    }

    async fn move_node(
        &self,
        request: Request<v1::MoveNodeRequest>,
    ) -> Result<Response<v1::MoveNodeResponse>, Status> {
        reply(self.relocate(request).await)
    }

    async fn archive_node(
        &self,
        request: Request<v1::ArchiveNodeRequest>,
    ) -> Result<Response<v1::ArchiveNodeResponse>, Status> {
        reply(self.archive(request).await)
    }
}
