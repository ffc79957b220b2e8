//! Rows of the table `blocker`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize, Serialize)]
#[sea_orm(table_name = "blocker")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub origin: String,
    pub title: String,
    pub description: String,
    pub category: String,
    pub blocked_nodes: String,
    pub causing_nodes: String,
    pub labels: String,
    pub external_reference: String,
    pub dedupe_key: String,
    pub state: String,
    pub escalation: String,
    pub holder: String,
    pub arrival: String,
    pub resolution: String,
    pub guidance: String,
    pub policy: String,
    pub marks: String,
    pub reporter: Option<String>,
    pub owner: Option<String>,
    pub hold_approver: Option<String>,
    pub severity: i64,
    pub open: i64,
    pub raised_us: i64,
    pub episode: i64,
    pub episode_us: i64,
    pub escalations: i64,
    pub meetings_survived: i64,
    pub policy_version: i64,
    pub level_entered_us: i64,
    pub progressed_us: i64,
    pub owner_required: i64,
    pub revision: i64,
    pub due_us: Option<i64>,
    pub committed_us: Option<i64>,
    pub acknowledged_until_us: Option<i64>,
    pub held_until_us: Option<i64>,
    pub merged_into: Option<i64>,
    pub closed_us: Option<i64>,
    pub timer_us: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
