//! Rows, one file per table. Private to the store: domain types go in and out of it.
#![expect(
    unreachable_pub,
    reason = "the derives make the types beside these public, and a trait cannot name a less public one"
)]

pub(crate) mod blocker;
pub(crate) mod counter_log;
pub(crate) mod event;
pub(crate) mod meeting;
pub(crate) mod node;
pub(crate) mod node_counter;
pub(crate) mod organization_head;
pub(crate) mod policy;
pub(crate) mod policy_version;
pub(crate) mod request;
