//! Rows of the table `node_counter`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize, Serialize)]
#[sea_orm(table_name = "node_counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub node: String,
    pub open_low: i64,
    pub open_medium: i64,
    pub open_high: i64,
    pub open_critical: i64,
    pub state_raised: i64,
    pub state_acknowledged: i64,
    pub state_owned: i64,
    pub state_on_hold: i64,
    pub held_here: i64,
    pub held_below: i64,
    pub held_above: i64,
    pub unowned: i64,
    pub exhausted: i64,
    pub awaiting_verification: i64,
    pub raised_total: i64,
    pub closed_total: i64,
    pub escalated_in: i64,
    pub escalated_out: i64,
    pub meetings_held: i64,
    pub day: i64,
    pub day_open: i64,
    /// Unresolved ones by the level of their holder, as JSON.
    pub levels: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
