//! Watching a roll-up.

use std::time::Duration;

use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::{Source, Updates, ended, updates};
use crate::{
    Client,
    v1::{Rollup, WatchRollupRequest, WatchRollupResponse},
};

/// If no server knows what was seen for so long, it is gone, as after a restore: the watch goes on with what there is.
const GONE_AFTER: Duration = Duration::from_secs(30);

impl Client {
    /// Watches the roll-up of a node, given by its resource name: first the present one, then each that differs. After
    /// a reconnect nothing older comes than what was there before, through whichever server it goes on.
    #[must_use]
    pub fn watch_rollup(&self, node: impl Into<String>) -> Updates<Rollup> {
        let source = Rollups {
            client: self.clone(),
            node: node.into(),
            stream: None,
            last: None,
            lost_at: None,
        };
        updates(source, self.retry_budget())
    }
}

struct Rollups {
    client: Client,
    node: String,
    stream: Option<Box<Streaming<WatchRollupResponse>>>,
    last: Option<Rollup>,
    /// When opening first failed, since the last that succeeded.
    lost_at: Option<Instant>,
}

impl Source for Rollups {
    type Message = Rollup;

    async fn open(&mut self) -> Result<(), Status> {
        self.stream = None;
        if self.lost_at.is_some_and(|at| at.elapsed() >= GONE_AFTER) {
            self.last = None;
        }
        let request = WatchRollupRequest {
            node: self.node.clone(),
            min_revision: self.last.as_ref().map_or(0, |last| last.revision),
        };
        let opened = self.client.rollups().watch_rollup(request).await;
        if opened.is_err() {
            self.lost_at.get_or_insert_with(Instant::now);
        }
        self.stream = Some(Box::new(opened?.into_inner()));
        self.lost_at = None;
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
