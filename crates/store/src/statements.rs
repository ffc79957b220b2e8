//! What is told of statements: how many there were, and which were slow.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A statement that takes longer than this is told to the log.
const SLOW: Duration = Duration::from_secs(1);
/// How much of a slow statement is told, in characters.
const SLOW_TOLD: usize = 120;

/// The statements that a store has issued.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    issued: AtomicU64,
}

impl Statements {
    /// Statements issued so far.
    pub(crate) fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    /// Takes note of a statement that has ended.
    pub(crate) fn note(&self, sql: &str, elapsed: Duration) {
        self.issued.fetch_add(1, Ordering::Relaxed);
        if elapsed >= SLOW {
            let sql: String = sql.chars().take(SLOW_TOLD).collect();
            let elapsed_ms = elapsed.as_millis();
            tracing::warn!(db.elapsed_ms = %elapsed_ms, db.statement = sql, "a statement was slow");
        }
    }
}
