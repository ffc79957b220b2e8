//! The rules of Echelon: values in, values out.
//!
//! Deliberately absent: I/O, async, clocks, randomness, and every derive of serde, prost and sea-orm. The same
//! functions serve the live service, the replay of the log and the property tests.

pub mod agenda;
mod aging;
pub mod attention;
pub mod blocker;
pub mod check;
pub mod command;
pub mod counters;
pub mod decide;
pub mod error;
pub mod escalation;
pub mod event;
pub mod explain;
pub mod id;
pub mod list;
pub mod meeting;
pub mod node;
pub mod organization;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod replay;
pub mod rollup;
pub mod text;
pub mod time;
pub mod tree;
pub mod trial;

pub use error::{ConflictReason, Error, FieldError, InvalidReason, Precondition};
pub use id::{BlockerNumber, MeetingNumber, NodeId, OrganizationId, PolicyId, RequestId};
pub use organization::Organization;
pub use text::Text;
pub use time::Timestamp;
