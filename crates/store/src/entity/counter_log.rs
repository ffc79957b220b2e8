//! Rows of the table `counter_log`.

use sea_orm::entity::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Deserialize)]
#[sea_orm(table_name = "counter_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization: String,
    /// Of the last event of the commit.
    #[sea_orm(primary_key, auto_increment = false)]
    pub revision: i64,
    /// What nodes have since, as JSON: for each its id, its numbers in the order of the columns of `node_counter`, and its
    /// levels.
    pub counters: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
