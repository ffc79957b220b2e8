//! Escalation policies and their immutable versions.

mod rule;

use std::sync::Arc;

use echelon_domain::{
    OrganizationId, Timestamp,
    policy::{CompiledVersion, Policy, Version},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use crate::{
    entity::{policy, policy_version},
    error::StoreError,
    row::{Row, to_json},
    sql::{Part, Write},
};
use rule::RuleJson;

static REPLACE: Write<policy::Entity> = Write::replace();
static INSERT_VERSION: Write<policy_version::Entity> = Write::insert();

pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Policy>, StoreError> {
    let rows = policy::Entity::find()
        .filter(policy::Column::Organization.eq(id.as_str()))
        .all(connection)
        .await?;
    rows.into_iter().map(policy_from_row).collect()
}

pub(crate) async fn versions(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Vec<Version>, StoreError> {
    let rows = policy_version::Entity::find()
        .filter(policy_version::Column::Organization.eq(id.as_str()))
        .all(connection)
        .await?;
    rows.into_iter().map(version_from_row).collect()
}

pub(crate) fn part(id: &OrganizationId, policies: &[Arc<Policy>]) -> Result<Part, StoreError> {
    let rows = policies.iter().map(|policy| policy_to_row(id, policy));
    REPLACE.part(rows.collect())
}

/// Versions are only ever added: one that is there already is an error.
pub(crate) fn version_part(
    id: &OrganizationId,
    versions: &[Arc<CompiledVersion>],
) -> Result<Part, StoreError> {
    let rows = versions
        .iter()
        .map(|version| version_to_row(id, &version.version));
    INSERT_VERSION.part(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn policy_to_row(organization: &OrganizationId, policy: &Policy) -> policy::Model {
    let Policy {
        id,
        node,
        display_name,
        latest,
        revision,
    } = policy;
    policy::Model {
        organization: organization.to_string(),
        policy: id.to_string(),
        node: node.to_string(),
        display_name: display_name.clone(),
        latest: *latest,
        revision: *revision,
    }
}

pub(crate) fn policy_from_row(model: policy::Model) -> Result<Policy, StoreError> {
    let policy::Model {
        organization,
        policy,
        node,
        display_name,
        latest,
        revision,
    } = model;
    let row = Row::new("policy", &organization, &policy);
    Ok(Policy {
        id: row.policy("policy", &policy)?,
        node: row.node("node", &node)?,
        display_name,
        latest,
        revision,
    })
}

pub(crate) fn version_to_row(
    organization: &OrganizationId,
    version: &Version,
) -> Result<policy_version::Model, StoreError> {
    let Version {
        policy,
        number,
        rules,
        author,
        created_at,
    } = version;
    let rules: Vec<RuleJson> = rules.iter().map(RuleJson::of).collect();
    Ok(policy_version::Model {
        organization: organization.to_string(),
        policy: policy.to_string(),
        version: *number,
        rules: to_json(&rules)?,
        author: author.clone(),
        created_us: created_at.as_micros(),
    })
}

pub(crate) fn version_from_row(model: policy_version::Model) -> Result<Version, StoreError> {
    let policy_version::Model {
        organization,
        policy,
        version,
        rules,
        author,
        created_us,
    } = model;
    let row = Row::new(
        "policy_version",
        &organization,
        format!("{policy}/{version}"),
    );
    let rules: Vec<RuleJson> = row.json("rules", &rules)?;
    Ok(Version {
        policy: row.policy("policy", &policy)?,
        number: version,
        rules: rules
            .into_iter()
            .map(|rule| rule.into_rule(&row))
            .collect::<Result<_, _>>()?,
        author,
        created_at: Timestamp::from_micros(created_us),
    })
}
