//! `echelond`, the server of Echelon, as a library: `main` only reads the command line.
//!
//! [`Server`] takes a configuration, bound listeners, a clock and a shutdown token. Within, `grpc` converts at the edge,
//! `app` loads, asks the domain and saves, and `layers` does what every call has in common.

pub mod app;
pub mod backup;
pub mod check;
pub mod clock;
pub mod compact;
pub mod config;
mod deadline;
mod grpc;
mod health;
mod http;
mod layers;
mod log;
pub mod metrics;
pub mod server;
pub mod stream;

pub use server::{Background, Running, Server, ServerError};
