//! The Rust SDK of Echelon.
//!
//! A [`Client`] holds one connection (or one to each of several servers) and hands out the generated service clients.
//! It adds to every call who calls, a bearer token and a deadline, retries what is safe to retry, decodes what went
//! wrong, and watches events and roll-ups across reconnects.
//!
//! ```no_run
//! use echelon_client::{Client, Options, names, request_id, v1};
//!
//! # async fn example() -> Result<(), echelon_client::Error> {
//! let client = Client::connect(Options {
//!     actor: Some("rte@example.com".to_owned()),
//!     ..Options::default()
//! })
//! .await?;
//! let raised = client
//!     .retry(
//!         v1::RaiseBlockerRequest {
//!             parent: names::organization("acme"),
//!             blocker: Some(v1::Blocker {
//!                 origin: names::node("acme", "checkout"),
//!                 title: "Payment sandbox rejects test cards".to_owned(),
//!                 ..v1::Blocker::default()
//!             }),
//!             anonymous: false,
//!             request_id: request_id(),
//!         },
//!         |client, request| async move { client.blockers().raise_blocker(request).await },
//!     )
//!     .await?;
//! # let _ = raised;
//! # Ok(())
//! # }
//! ```

mod client;
mod error;
mod identity;
pub mod names;
mod options;
mod request_id;
mod retry;
mod watch;

pub use echelon_api::v1;

pub use client::{Client, MAX_MESSAGE_BYTES};
pub use error::{Error, Failure, FieldViolation, Resource};
pub use identity::{ACTOR_METADATA, Transport};
pub use options::{DEFAULT_ADDRESS, Options, RetryBudget};
pub use request_id::request_id;
pub use watch::{EventWatch, Start, Update, Updates};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
