//! The protocol of writes as a model that is explored to its end: two replicas, an organization, and everything that may
//! happen between a call and its answer, in every order.
//!
//! What is modelled are the steps of `crates/server/src/app/writer/`: who knows what, what is compared, written, looked up
//! and answered when. What is decided is not modelled: each decision is the domain's own [`decide`], each state that
//! another replica takes over comes of the domain's own [`Organization::apply`], and states are judged by the domain's
//! own [`check`]. A state of the model holds names of organizations, which a [`Ledger`] keeps, so it stays small.
//!
//! [`decide`]: echelon_domain::decide::decide
//! [`Organization::apply`]: echelon_domain::Organization::apply
//! [`check`]: echelon_domain::check::check

mod audit;
mod fault;
mod ledger;
mod property;
mod protocol;
mod state;
mod steps;
mod story;

pub use fault::Fault;
pub use ledger::{History, Ledger, Verdict};
pub use property::properties;
pub use protocol::{Protocol, Scenario};
pub use state::{Action, Answer, State};
pub use story::{Call, Job};
