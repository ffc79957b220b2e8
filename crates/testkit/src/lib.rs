//! Servers, databases and clocks for Echelon's tests.

mod both;
mod database;
mod server;

pub use database::TestDatabase;
pub use server::{START, TestServer};
