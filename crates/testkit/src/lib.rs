//! Servers, databases and clocks for Echelon's tests.

mod binary;
mod both;
mod database;
mod server;

pub use binary::echelond;
pub use database::TestDatabase;
pub use server::{START, TestServer};
