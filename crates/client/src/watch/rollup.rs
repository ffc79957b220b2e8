//! Watching a roll-up.

use tonic::{Status, Streaming};

use super::{Source, Updates, ended, updates};
use crate::{
    Client,
    v1::{Rollup, WatchRollupRequest, WatchRollupResponse},
};

impl Client {
    /// Watches the roll-up of a node, given by its resource name: first the present one, then each that differs.
    #[must_use]
    pub fn watch_rollup(&self, node: impl Into<String>) -> Updates<Rollup> {
        let source = Rollups {
            client: self.clone(),
            node: node.into(),
            stream: None,
            last: None,
        };
        updates(source, self.retry_budget())
    }
}

struct Rollups {
    client: Client,
    node: String,
    stream: Option<Box<Streaming<WatchRollupResponse>>>,
    last: Option<Rollup>,
}

impl Source for Rollups {
    type Message = Rollup;

    async fn open(&mut self) -> Result<(), Status> {
        self.stream = None;
        let request = WatchRollupRequest {
            node: self.node.clone(),
        };
        let opened = self.client.rollups().watch_rollup(request).await?;
        self.stream = Some(Box::new(opened.into_inner()));
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Rollup>, Status> {
        let Some(stream) = &mut self.stream else {
            return Err(ended());
        };
        let message = stream.message().await?.ok_or_else(ended)?;
        let Some(rollup) = message.rollup else {
            return Ok(None);
        };
        // The first answer after a reconnect may be the one that we had.
        if self.last.as_ref().is_some_and(|last| same(last, &rollup)) {
            return Ok(None);
        }
        self.last = Some(rollup.clone());
        Ok(Some(rollup))
    }
}

/// True if two roll-ups say the same; the time of reading does not count.
fn same(one: &Rollup, other: &Rollup) -> bool {
    one.revision == other.revision
        && one.figures == other.figures
        && one.children == other.children
        && one.attention == other.attention
}
