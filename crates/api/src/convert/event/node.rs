//! Records of nodes.

use echelon_domain::{
    Error, NodeId, Timestamp,
    node::{Level, Node, Representative},
};

use crate::{
    convert::{
        non_empty,
        time::{optional_timestamp, parse_optional_timestamp},
    },
    v1,
};

pub(super) fn to_record(node: &Node, previous_parent: Option<&NodeId>) -> v1::NodeRecord {
    let Node {
        id,
        parent,
        level,
        display_name,
        representatives,
        archived,
        // The event has them.
        created_at: _,
        updated_at: _,
        revision: _,
    } = node;
    v1::NodeRecord {
        id: id.to_string(),
        parent: parent.as_ref().map_or_else(String::new, NodeId::to_string),
        level: level.as_str().to_owned(),
        display_name: display_name.clone(),
        representatives: representatives
            .iter()
            .map(|representative| {
                let Representative {
                    person,
                    role,
                    start,
                    end,
                } = representative;
                v1::RepresentativeRecord {
                    person: person.clone(),
                    role: role.clone(),
                    start_time: optional_timestamp(*start),
                    end_time: optional_timestamp(*end),
                }
            })
            .collect(),
        archived: *archived,
        previous_parent: previous_parent.map_or_else(String::new, NodeId::to_string),
    }
}

/// The node, and its parent before if it moved.
pub(super) fn from_record(record: &v1::NodeRecord) -> Result<(Node, Option<NodeId>), Error> {
    let v1::NodeRecord {
        id,
        parent,
        level,
        display_name,
        representatives,
        archived,
        previous_parent,
    } = record;
    let parent_of = |field: &str, text: &str| {
        non_empty(text)
            .map(|text| NodeId::new(field, text))
            .transpose()
    };
    let node = Node {
        id: NodeId::new("id", id)?,
        parent: parent_of("parent", parent)?,
        level: Level::new("level", level)?,
        display_name: display_name.clone(),
        representatives: representatives
            .iter()
            .map(|representative| {
                let v1::RepresentativeRecord {
                    person,
                    role,
                    start_time,
                    end_time,
                } = representative;
                Ok(Representative {
                    person: person.clone(),
                    role: role.clone(),
                    start: parse_optional_timestamp("start_time", start_time.as_ref())?,
                    end: parse_optional_timestamp("end_time", end_time.as_ref())?,
                })
            })
            .collect::<Result<_, Error>>()?,
        archived: *archived,
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        revision: 0,
    };
    Ok((node, parent_of("previous_parent", previous_parent)?))
}
