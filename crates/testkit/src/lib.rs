//! Servers, databases and clocks for Echelon's tests.

mod binary;
mod both;
mod bouncer;
mod database;
mod postgres;
mod server;

pub use binary::{echelon, echelond};
pub use bouncer::TestBouncer;
pub use database::TestDatabase;
pub use postgres::{TestPostgres, free_port, postgres_program};
pub use server::{START, TestServer};
