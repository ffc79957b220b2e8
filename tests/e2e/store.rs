//! The store by itself: what is written comes back, on both databases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod close;
mod counters;
mod folded;
mod history;
mod list;
mod lock;
mod log;
mod open;
mod random;
mod request;
