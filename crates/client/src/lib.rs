//! The Rust SDK of Echelon.
//!
//! A [`Client`] holds a connection to each server of a deployment and hands out the generated service clients. It adds
//! to every call who calls, a bearer token and a deadline, repeats it elsewhere if a server is unavailable, decodes what
//! went wrong, and watches events and roll-ups across reconnects.
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
//!
//! # Several servers
//!
//! Calls take turns over the [`addresses`](Options::addresses). A server that cannot be reached or answers UNAVAILABLE
//! is left aside, for a fifth of a second at first and at most ten, and then tried again by a single call. The call that
//! met it goes on to the next server; once all have failed it waits, as long as they ask for (`RetryInfo`) or with
//! growing, jittered waits, until its deadline or the [`RetryBudget`] ends it. With several servers one attempt takes at
//! most half of the time that is left, so that a server that hangs does not use up all of it.
//!
//! Every call can be repeated: a call that changes something carries a `request_id`, made once for all its attempts if
//! you gave none, and the server gives the first answer again. What a server refused is never repeated. A watch that
//! breaks off goes on through another server, after the last message that it told.
//!
//! # Traces
//!
//! Each call is a span, of kind client and named like its method, in the trace that its caller is in, and the server goes on
//! from there. Spans go where OpenTelemetry's global provider sends them; with `tracing`, the layer of `tracing-opentelemetry`
//! makes its spans the context of calls. A program that exports none passes the trace on that it was started in, if
//! it gives it as [`trace_parent`](Options::trace_parent).
//!
//! # Reading your writes
//!
//! Every answer has the `revision` of the organization that it reflects. One server reflects at once what was written
//! through it; where several share a database, another may lag by a second. Give the revision of an answer to a read as its
//! `min_revision`, and the read waits until it reflects that, through whichever server it goes. If the revision does not
//! come within the deadline, and within 10 seconds, the call ends with `UNAVAILABLE`. With
//! [`Consistency::ReadYourWrites`] the client does so by itself, for all that it and its clones have seen.
//!
//! ```no_run
//! use echelon_client::{Client, Error, v1};
//!
//! # async fn example(client: Client, raised: v1::RaiseBlockerResponse) -> Result<(), Error> {
//! let name = raised.blocker.map(|blocker| blocker.name).unwrap_or_default();
//! let request = v1::GetBlockerRequest {
//!     name,
//!     min_revision: raised.revision,
//! };
//! let found = client
//!     .retry(request, |client, request| async move { client.blockers().get_blocker(request).await })
//!     .await?;
//! assert!(found.revision >= raised.revision);
//! # Ok(())
//! # }
//! ```

mod client;
mod deadline;
mod error;
mod frame;
mod identity;
mod method;
pub mod names;
mod options;
mod request_id;
mod retry;
mod revisions;
mod servers;
mod trace;
mod transport;
mod watch;

pub use echelon_api::v1;

pub use client::{Client, MAX_MESSAGE_BYTES};
pub use error::{Error, Failure, FieldViolation, Resource};
pub use identity::ACTOR_METADATA;
pub use options::{Consistency, DEFAULT_ADDRESS, Options, RetryBudget};
pub use request_id::request_id;
pub use transport::Transport;
pub use watch::{EventWatch, Start, Update, Updates};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
