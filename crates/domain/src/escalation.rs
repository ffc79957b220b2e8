//! Escalation: which rule moves a blocker, when, and why.

use std::time::Duration;

/// A timer that fires later than this after its due time is late.
pub const LATE_AFTER: Duration = Duration::from_secs(60);
