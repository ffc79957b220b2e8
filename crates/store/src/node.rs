//! Nodes and who speaks for them.

use std::sync::Arc;

use echelon_domain::{
    OrganizationId, Timestamp,
    node::{Level, Node, Representative},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use serde::{Deserialize, Serialize};

use crate::{
    entity::node::{Column, Entity, Model},
    error::StoreError,
    packed,
    row::{Row, optional_micros, optional_time, to_json},
    sql::{Part, Write},
};

static REPLACE: Write<Entity> = Write::replace();

/// An entry of the column `representatives`.
#[derive(Serialize, Deserialize)]
struct RepresentativeJson {
    person: String,
    role: String,
    start_us: Option<i64>,
    end_us: Option<i64>,
}

pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Node>, StoreError> {
    let all = Entity::find().filter(Column::Organization.eq(id.as_str()));
    let rows = packed::all(connection, all).await?;
    rows.into_iter().map(from_row).collect()
}

pub(crate) fn part(id: &OrganizationId, nodes: &[Arc<Node>]) -> Result<Part, StoreError> {
    let rows = nodes.iter().map(|node| to_row(id, node));
    REPLACE.part(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn to_row(organization: &OrganizationId, node: &Node) -> Result<Model, StoreError> {
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
    let representatives: Vec<RepresentativeJson> = representatives
        .iter()
        .map(|representative| {
            let Representative {
                person,
                role,
                start,
                end,
            } = representative.clone();
            RepresentativeJson {
                person,
                role,
                start_us: optional_micros(start),
                end_us: optional_micros(end),
            }
        })
        .collect();
    Ok(Model {
        organization: organization.to_string(),
        node: id.to_string(),
        parent: parent.as_ref().map(ToString::to_string),
        level: level.as_str().to_owned(),
        display_name: display_name.clone(),
        representatives: to_json(&representatives)?,
        archived: i64::from(*archived),
        created_us: created_at.as_micros(),
        updated_us: updated_at.as_micros(),
        revision: *revision,
    })
}

pub(crate) fn from_row(model: Model) -> Result<Node, StoreError> {
    let Model {
        organization,
        node,
        parent,
        level,
        display_name,
        representatives,
        archived,
        created_us,
        updated_us,
        revision,
    } = model;
    let row = Row::new("node", &organization, &node);
    let representatives: Vec<RepresentativeJson> = row.json("representatives", &representatives)?;
    Ok(Node {
        id: row.node("node", &node)?,
        parent: match parent {
            Some(parent) => Some(row.node("parent", &parent)?),
            None => None,
        },
        level: row.checked("level", Level::new("level", &level))?,
        display_name,
        representatives: representatives
            .into_iter()
            .map(|representative| {
                let RepresentativeJson {
                    person,
                    role,
                    start_us,
                    end_us,
                } = representative;
                Representative {
                    person,
                    role,
                    start: optional_time(start_us),
                    end: optional_time(end_us),
                }
            })
            .collect(),
        archived: archived != 0,
        created_at: Timestamp::from_micros(created_us),
        updated_at: Timestamp::from_micros(updated_us),
        revision,
    })
}
