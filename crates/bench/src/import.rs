//! Bringing an event stream in.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};

use crate::process::{Programs, run_echelond};

/// Brings a stream into a database that no server uses, and tells how long that took.
pub(crate) async fn import(programs: &Programs, url: &str, stream: &Path) -> Result<Duration> {
    let stream = stream.to_str().context("the folder's name is no text")?;
    run_echelond(programs, url, &["import", stream]).await
}

/// Writes every organization of a database to a stream, and tells how long that took.
pub(crate) async fn export(programs: &Programs, url: &str, stream: &Path) -> Result<Duration> {
    let stream = stream.to_str().context("the folder's name is no text")?;
    run_echelond(programs, url, &["export", stream]).await
}
