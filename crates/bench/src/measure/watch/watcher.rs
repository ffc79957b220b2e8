//! Watchers that note when they see which revision.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use echelon_api::v1;
use prost::Message as _;
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::calls::{WATCH_EVENTS, WATCH_ROLLUP};
use crate::{
    dataset::{Dataset, Place},
    load::{Connection, Stream},
};

/// How often it is looked whether all have seen enough.
const LOOK: Duration = Duration::from_millis(10);

/// What a watcher watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// Every event of the organization.
    Events,
    /// The roll-up of a node.
    Rollup(Place),
}

/// Up to which revision a watcher has seen everything, and since when; revisions ascend.
pub(super) type Seen = Vec<(i64, Instant)>;

/// The watchers of one round.
#[derive(Default)]
pub(super) struct Watchers {
    watching: JoinSet<Result<()>>,
    notes: Vec<Arc<Mutex<Seen>>>,
}

impl Watchers {
    /// Opens a watch and waits for its first message.
    pub(super) async fn open(
        &mut self,
        connection: &Connection,
        dataset: &Dataset,
        watched: Watched,
    ) -> Result<()> {
        let note = Arc::new(Mutex::new(Seen::new()));
        self.notes.push(note.clone());
        match watched {
            Watched::Events => {
                let request = v1::WatchEventsRequest {
                    parent: dataset.name(),
                    ..v1::WatchEventsRequest::default()
                };
                let mut stream = connection.stream(WATCH_EVENTS, &request).await?;
                let order = Order::begin(&first(&mut stream).await?)?;
                self.watching.spawn(watch_events(stream, order, note));
            }
            Watched::Rollup(place) => {
                let request = v1::WatchRollupRequest {
                    node: dataset.node(place),
                    min_revision: 0,
                };
                let mut stream = connection.stream(WATCH_ROLLUP, &request).await?;
                first(&mut stream).await?;
                self.watching.spawn(watch_rollup(stream, note));
            }
        }
        Ok(())
    }

    /// Waits until somebody tells what each must have seen; none if nobody will. Errors: if a watcher ends before.
    pub(super) async fn running(
        &mut self,
        until: oneshot::Receiver<Vec<i64>>,
    ) -> Result<Option<Vec<i64>>> {
        tokio::select! {
            told = until => Ok(told.ok()),
            Some(ended) = self.watching.join_next() => {
                ended.context("a watcher panicked")??;
                bail!("a watch ended by itself")
            }
        }
    }

    /// Waits until each has seen what it must, and returns what each saw.
    pub(super) async fn finish(mut self, needed: &[i64], patience: Duration) -> Result<Vec<Seen>> {
        let all = async {
            for (note, needed) in self.notes.iter().zip(needed) {
                while newest(note) < *needed {
                    sleep(LOOK).await;
                }
            }
        };
        let waited = timeout(patience, all).await;
        while let Some(ended) = self.watching.try_join_next() {
            ended.context("a watcher panicked")??;
        }
        waited.ok().with_context(|| {
            let late = self.notes.iter().zip(needed);
            let late = late
                .filter(|(note, needed)| newest(note) < **needed)
                .count();
            format!("{late} watchers have not seen the last change after {patience:?}")
        })?;
        let notes = self.notes.iter();
        let taken = notes
            .map(|note| std::mem::take(&mut *note.lock().unwrap_or_else(PoisonError::into_inner)));
        Ok(taken.collect())
    }
}

fn newest(note: &Mutex<Seen>) -> i64 {
    let seen = note.lock().unwrap_or_else(PoisonError::into_inner);
    seen.last().map_or(0, |(revision, _)| *revision)
}

fn mark(note: &Mutex<Seen>, revision: i64) {
    let mut seen = note.lock().unwrap_or_else(PoisonError::into_inner);
    seen.push((revision, Instant::now()));
}

async fn first(stream: &mut Stream) -> Result<Bytes> {
    stream.next().await?.context("a watch ended at once")
}

async fn watch_events(mut stream: Stream, mut order: Order, note: Arc<Mutex<Seen>>) -> Result<()> {
    while let Some(message) = stream.next().await? {
        mark(&note, order.follow(&message)?);
    }
    Ok(())
}

async fn watch_rollup(mut stream: Stream, note: Arc<Mutex<Seen>>) -> Result<()> {
    while let Some(message) = stream.next().await? {
        let rollup = RollupMark::decode(message)?.rollup.unwrap_or_default();
        ensure!(
            rollup.revision > newest(&note),
            "a roll-up of revision {} came after that of {}",
            rollup.revision,
            newest(&note)
        );
        mark(&note, rollup.revision);
    }
    Ok(())
}

/// Where a watcher of events is: each event must follow the one before (E10).
pub(crate) struct Order {
    revision: i64,
    index: i32,
    /// Resume with it.
    pub(crate) token: String,
}

impl Order {
    /// From the first message of a watch on, which has no events.
    pub(crate) fn begin(message: &Bytes) -> Result<Self> {
        let EventMarks {
            events,
            resume_token,
            revision,
        } = EventMarks::decode(message.clone())?;
        ensure!(
            events.is_empty(),
            "a watch from now on begins with old events"
        );
        Ok(Self {
            revision,
            index: i32::MAX,
            token: resume_token,
        })
    }

    /// The last revision that was seen.
    pub(crate) const fn revision(&self) -> i64 {
        self.revision
    }

    /// Checks that the events of a message are the next ones, and returns the revision it comes up to.
    pub(crate) fn follow(&mut self, message: &Bytes) -> Result<i64> {
        let EventMarks {
            events,
            resume_token,
            revision,
        } = EventMarks::decode(message.clone())?;
        for event in events {
            let follows = if event.revision == self.revision {
                self.index.checked_add(1) == Some(event.index)
            } else {
                event.revision == self.revision + 1 && event.index == 0
            };
            ensure!(
                follows,
                "event {}/{} came after {}/{}",
                event.revision,
                event.index,
                self.revision,
                self.index
            );
            (self.revision, self.index) = (event.revision, event.index);
        }
        ensure!(
            revision == self.revision,
            "a message up to revision {revision} ends with {}",
            self.revision
        );
        self.token = resume_token;
        Ok(revision)
    }
}

/// What of a `WatchEventsResponse` tells the order: reading all of it a hundred thousand times a second would measure
/// this side.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct EventMarks {
    #[prost(message, repeated, tag = "1")]
    events: Vec<EventMark>,
    #[prost(string, tag = "2")]
    resume_token: String,
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct EventMark {
    #[prost(int64, tag = "2")]
    revision: i64,
    #[prost(int32, tag = "3")]
    index: i32,
}

/// What of a `WatchRollupResponse` tells the revision.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct RollupMark {
    #[prost(message, optional, tag = "1")]
    rollup: Option<RevisionMark>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct RevisionMark {
    #[prost(int64, tag = "8")]
    revision: i64,
}
