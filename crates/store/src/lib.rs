//! Echelon's storage on SQLite and PostgreSQL: domain types in, domain types out.
//!
//! The only user of sea-orm, and of its driver; their types never leave this crate. One concrete [`Store`] serves both databases with the
//! same statements; what differs is how a connection is opened and how the head of an organization is locked. Every
//! write goes through a [`Batch`], which holds that lock, so that an organization's revisions have one order.

mod audit;
mod backup;
mod base;
mod batch;
mod blocker;
mod bulk;
mod cell;
mod changes;
mod counter;
mod entity;
mod error;
mod event;
mod flush;
mod lock;
mod look;
mod meeting;
mod node;
mod open;
mod organization;
mod packed;
mod place;
mod policy;
mod reader;
mod request;
mod row;
mod schema;
mod snapshot;
mod sql;
mod statements;
mod store;
mod transaction;
mod wakeup;
mod warm;

pub use audit::Audit;
pub use backup::{Contents, copy};
pub use batch::Batch;
pub use bulk::{Bulk, BulkRows, BulkWrite};
pub use changes::Changes;
pub use error::StoreError;
pub use event::EventRow;
pub use look::Look;
pub use meeting::MeetingQuery;
pub use open::{Options, Pooling};
pub use organization::{Head, Loaded};
pub use place::{Place, is_of_database};
pub use request::StoredRequest;
pub use snapshot::Snapshot;
pub use store::{Committed, DatabaseKind, Store};
pub use wakeup::{Listener, Wakeup};
