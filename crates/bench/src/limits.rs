//! The limits that figures are judged by, measured in the same run.

pub mod echo;
pub mod raw;
pub mod recompute;
