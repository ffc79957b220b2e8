//! Roll-ups, prepared once for all who ask: the root of a large organization is read as cheaply as a team, and a thousand
//! watchers of one node cost one computation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use echelon_api::{
    convert::{rollup::to_proto, time::timestamp},
    v1,
};
use echelon_domain::{Error, NodeId, Organization, Timestamp, rollup::rollup};
use prost::{
    Message,
    bytes::Bytes,
    encoding::{WireType, encode_key, encode_varint},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::Prepared;
use crate::clock::Clock;

/// A roll-up is not given out any more this long after it was made: ages and dates have gone on.
const FRESH_FOR: Duration = Duration::from_millis(100);
/// Most roll-ups that are kept; a full cache begins anew.
const KEPT_MAX: usize = 512;
/// Watchers get at most one roll-up in this time.
const PACE: Duration = Duration::from_millis(50);
/// How often watchers are looked after though nothing happened: figures change with the clock.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// Number of the field `rollup` in the messages that carry one.
const ROLLUP_FIELD: u32 = 1;

/// A roll-up as bytes, all but its revision and its time.
#[derive(Debug)]
struct PreparedRollup {
    body: Bytes,
    as_of: Timestamp,
    revision: i64,
}

impl PreparedRollup {
    /// The roll-up of a node at a snapshot, as bytes and as the message that they are of.
    fn of(
        snapshot: &Organization,
        node: &NodeId,
        now: Timestamp,
    ) -> Result<(Self, v1::Rollup), Error> {
        let rollup = rollup(snapshot, node, now)?;
        let mut message = to_proto(snapshot.id(), &rollup);
        message.revision = 0;
        message.as_of_time = None;
        let prepared = Self {
            body: message.encode_to_vec().into(),
            as_of: rollup.as_of,
            revision: rollup.revision,
        };
        Ok((prepared, message))
    }

    /// A message with the roll-up in its first field. It holds at a later revision too, as long as the subtree did not
    /// change in between.
    fn message(&self, revision: i64) -> Prepared {
        let revision = revision.max(self.revision);
        // One message may come in pieces, field by field.
        let rest = v1::Rollup {
            as_of_time: Some(timestamp(self.as_of)),
            revision,
            ..v1::Rollup::default()
        };
        let rest: Bytes = rest.encode_to_vec().into();
        let mut head = Vec::with_capacity(8);
        encode_key(ROLLUP_FIELD, WireType::LengthDelimited, &mut head);
        encode_varint((self.body.len() + rest.len()) as u64, &mut head);
        Prepared::new([head.into(), self.body.clone(), rest])
    }

    /// True if it is what the node's roll-up would be now.
    fn holds(&self, snapshot: &Organization, node: &NodeId, now: Timestamp) -> bool {
        snapshot.changed(node) <= self.revision
            && self.as_of <= now
            && now.since(self.as_of) <= FRESH_FOR
    }
}

/// A roll-up that watchers are told of.
#[derive(Debug)]
struct Told {
    prepared: Arc<PreparedRollup>,
    essence: v1::Rollup,
}

/// The roll-ups of one organization that somebody asked for.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    prepared: Mutex<HashMap<NodeId, Arc<PreparedRollup>>>,
    watched: Mutex<HashMap<NodeId, Arc<watch::Sender<Arc<Told>>>>>,
}

impl Rollups {
    /// The roll-up of a node at a snapshot, as the only field of a message. Errors: [`Error::NotFound`].
    pub(super) fn message(
        &self,
        snapshot: &Organization,
        node: &NodeId,
        now: Timestamp,
    ) -> Result<Prepared, Error> {
        let known = lock(&self.prepared).get(node).cloned();
        if let Some(known) = known
            && known.holds(snapshot, node, now)
        {
            return Ok(known.message(snapshot.revision()));
        }
        let (prepared, _) = self.prepare(snapshot, node, now)?;
        Ok(prepared.message(snapshot.revision()))
    }

    /// Lets go of everything: the organization was loaded anew, and its history may be another.
    pub(super) fn clear(&self) {
        lock(&self.prepared).clear();
    }

    fn prepare(
        &self,
        snapshot: &Organization,
        node: &NodeId,
        now: Timestamp,
    ) -> Result<(Arc<PreparedRollup>, v1::Rollup), Error> {
        let (prepared, message) = PreparedRollup::of(snapshot, node, now)?;
        let prepared = Arc::new(prepared);
        let mut kept = lock(&self.prepared);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(node.clone(), prepared.clone());
        Ok((prepared, message))
    }

    fn tell(
        &self,
        snapshot: &Organization,
        node: &NodeId,
        now: Timestamp,
    ) -> Result<Arc<Told>, Error> {
        let (prepared, message) = self.prepare(snapshot, node, now)?;
        Ok(Arc::new(Told {
            prepared,
            essence: essence(message),
        }))
    }

    /// Follows the roll-up of a node. What is published is of `at_least` that revision, and so is all that is told.
    /// Errors: [`Error::NotFound`].
    pub(super) fn watch(
        self: &Arc<Self>,
        published: watch::Receiver<Arc<Organization>>,
        clock: &Clock,
        shutdown: &CancellationToken,
        node: &NodeId,
        at_least: i64,
    ) -> Result<RollupWatch, Error> {
        let snapshot = published.borrow().clone();
        let mut watched = lock(&self.watched);
        if let Some(sender) = watched.get(node) {
            let told = sender.borrow().prepared.revision;
            if told < at_least && told < snapshot.changed(node) {
                // The teller has its pace, and this watcher has seen newer figures through another server.
                let newer = self.tell(&snapshot, node, clock.time(&snapshot))?;
                sender.send_if_modified(|told| replace_older(told, newer));
            }
            return Ok(RollupWatch {
                told: sender.subscribe(),
                at_least,
            });
        }
        let first = self.tell(&snapshot, node, clock.time(&snapshot))?;
        let (sender, told) = watch::channel(first);
        let sender = Arc::new(sender);
        watched.insert(node.clone(), sender.clone());
        let follower = Follower {
            rollups: self.clone(),
            published,
            clock: clock.clone(),
            shutdown: shutdown.clone(),
            node: node.clone(),
            sender,
        };
        tokio::spawn(follower.run());
        Ok(RollupWatch { told, at_least })
    }

    /// Ends the telling about a node if nobody listens. Whoever begins to listen afterwards gets another teller.
    fn forget_unheard(&self, node: &NodeId, sender: &Arc<watch::Sender<Arc<Told>>>) -> bool {
        let mut watched = lock(&self.watched);
        let unheard = sender.receiver_count() == 0;
        if unheard {
            remove(&mut watched, node, sender);
        }
        unheard
    }

    /// Ends the telling about a node.
    fn forget(&self, node: &NodeId, sender: &Arc<watch::Sender<Arc<Told>>>) {
        remove(&mut lock(&self.watched), node, sender);
    }
}

/// Removes a teller, and no other that has taken its place.
fn remove(
    watched: &mut HashMap<NodeId, Arc<watch::Sender<Arc<Told>>>>,
    node: &NodeId,
    sender: &Arc<watch::Sender<Arc<Told>>>,
) {
    if watched
        .get(node)
        .is_some_and(|known| Arc::ptr_eq(known, sender))
    {
        watched.remove(node);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is older does not take the place of what is newer.
fn replace_older(told: &mut Arc<Told>, newer: Arc<Told>) -> bool {
    let is_newer = told.prepared.revision <= newer.prepared.revision;
    if is_newer {
        *told = newer;
    }
    is_newer
}

/// The roll-up of a node as it changes.
pub struct RollupWatch {
    told: watch::Receiver<Arc<Told>>,
    /// What is told holds at this revision too, if it is of an older one: nothing has changed in between.
    at_least: i64,
}

impl RollupWatch {
    /// The newest roll-up, as the only field of a message.
    pub fn newest(&mut self) -> Prepared {
        let told = self.told.borrow_and_update().clone();
        told.prepared.message(self.at_least)
    }

    /// Waits until there is another one. False: the server shuts down.
    pub async fn changed(&mut self) -> bool {
        self.told.changed().await.is_ok()
    }
}

/// Tells the watchers of one node.
struct Follower {
    rollups: Arc<Rollups>,
    published: watch::Receiver<Arc<Organization>>,
    clock: Clock,
    shutdown: CancellationToken,
    node: NodeId,
    sender: Arc<watch::Sender<Arc<Told>>>,
}

impl Follower {
    /// Runs until the last watcher has gone, or the server shuts down.
    async fn run(mut self) {
        if let Err(error) = self.tell_all().await {
            tracing::error!(node.id = %self.node, %error, "a roll-up cannot be watched any more");
        }
        // Whoever still listens is told of the end by the drop of the sender.
        self.rollups.forget(&self.node, &self.sender);
    }

    async fn tell_all(&mut self) -> Result<(), Error> {
        // What was last looked at, whether it was worth telling or not.
        let mut seen = self.sender.borrow().prepared.clone();
        loop {
            let looked = Instant::now();
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                () = self.sender.closed() => if self.rollups.forget_unheard(&self.node, &self.sender) {
                    return Ok(());
                },
                changed = self.published.changed() => if changed.is_err() { return Ok(()) },
                () = sleep_until(looked + CLOCK_LOOK) => {}
            }
            sleep_until(looked + PACE).await;
            let snapshot = self.published.borrow_and_update().clone();
            let now = self.clock.time(&snapshot);
            let same_clock = now.since(seen.as_of) < CLOCK_LOOK
                && snapshot.next_clock_change().is_none_or(|at| at > now);
            if snapshot.changed(&self.node) <= seen.revision && same_clock {
                continue;
            }
            let told = self.rollups.tell(&snapshot, &self.node, now)?;
            seen = told.prepared.clone();
            if told.essence != self.sender.borrow().essence {
                self.sender
                    .send_if_modified(|known| replace_older(known, told));
            }
        }
    }
}

/// A roll-up without what changes though nothing that it shows does: ages in notes, and the etags that comments change.
fn essence(mut rollup: v1::Rollup) -> v1::Rollup {
    for item in &mut rollup.attention {
        item.note.clear();
        if let Some(blocker) = &mut item.blocker {
            blocker.etag.clear();
        }
    }
    rollup
}
