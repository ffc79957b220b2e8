//! The torture of Echelon. A seed makes a plan: an organization, what each of several clients does, and what goes wrong
//! and when. The run carries it out against real servers, and everything that clients were told and watchers saw goes into
//! a record. A checker then decides from the record alone whether the guarantees E1 to E10 held.

pub mod check;
pub mod cli;
mod client;
mod fault;
pub mod plan;
mod proxy;
pub mod record;
pub mod report;
mod run;
mod site;
mod stall;
mod watcher;
