//! Rows of the table `organization_head`.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize, Serialize)]
#[sea_orm(table_name = "organization_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    pub epoch: String,
    pub display_name: String,
    pub root: String,
    pub revision: i64,
    pub clock_floor_us: i64,
    pub next_blocker: i64,
    pub next_meeting: i64,
    pub aged_after_us: i64,
    pub due_soon_within_us: i64,
    pub acknowledgement_expiry_us: i64,
    pub hold_limit_us: i64,
    pub created_us: i64,
    pub updated_us: i64,
    pub profile_revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
