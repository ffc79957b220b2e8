//! Nodes.

use echelon_domain::{
    Error, Organization,
    node::{Node, Representative},
};

use super::{
    count, etag, name,
    time::{optional_timestamp, parse_optional_timestamp, timestamp},
};
use crate::v1;

/// A node as the API has it.
#[must_use]
pub fn to_proto(organization: &Organization, node: &Node) -> v1::Node {
    let Node {
        id,
        parent,
        level,
        display_name,
        representatives,
        archived,
        created_at,
        updated_at,
        revision,
    } = node;
    let owner = organization.id();
    let tree = organization.tree();
    let state = if *archived {
        v1::NodeState::Archived
    } else {
        v1::NodeState::Active
    };
    v1::Node {
        name: name::node(owner, id),
        parent: parent
            .as_ref()
            .map_or_else(String::new, |parent| name::node(owner, parent)),
        level: level.as_str().to_owned(),
        display_name: display_name.clone(),
        representatives: representatives.iter().map(representative).collect(),
        state: state.into(),
        depth: count(tree.depth(id)),
        height: count(tree.height(id)),
        child_count: count(tree.child_count(id)),
        effective_policy: organization
            .policy_in_force(id)
            .map_or_else(String::new, |policy| name::policy(owner, &policy.id)),
        etag: etag(*revision),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
    }
}

fn representative(representative: &Representative) -> v1::Representative {
    let Representative {
        person,
        role,
        start,
        end,
    } = representative;
    v1::Representative {
        person: person.clone(),
        role: role.clone(),
        start_time: optional_timestamp(*start),
        end_time: optional_timestamp(*end),
    }
}

/// Reads the representatives given in `field`. Errors: [`Error::Invalid`].
pub fn parse_representatives(
    field: &str,
    representatives: &[v1::Representative],
) -> Result<Vec<Representative>, Error> {
    representatives
        .iter()
        .enumerate()
        .map(|(index, representative)| {
            let v1::Representative {
                person,
                role,
                start_time,
                end_time,
            } = representative;
            let time = |name: &str, at: &Option<prost_types::Timestamp>| {
                parse_optional_timestamp(&format!("{field}[{index}].{name}"), at.as_ref())
            };
            Ok(Representative {
                person: person.trim().to_owned(),
                role: role.clone(),
                start: time("start_time", start_time)?,
                end: time("end_time", end_time)?,
            })
        })
        .collect()
}
