//! Checks of what people write about a blocker.
