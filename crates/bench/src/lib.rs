//! The benchmark of Echelon. It makes organizations of thousands of teams, serves them with `echelond` on SQLite and
//! PostgreSQL, calls it over real gRPC on loopback, and sets every figure beside a limit that is measured in the same
//! run: what gRPC costs alone, what the database costs alone, what a roll-up costs without counters.

pub mod bench;
pub mod cli;
pub mod database;
pub mod dataset;
mod import;
pub mod limits;
pub mod load;
pub mod measure;
pub mod process;
pub mod report;
pub mod size;
