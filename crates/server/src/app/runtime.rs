//! One organization at work: its queue, its writer task and its published snapshot.

use std::sync::Arc;

use echelon_domain::{Error, Organization, OrganizationId};
use echelon_store::{Audit, Store};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Settings,
    freshness::Lookout,
    recent::Recent,
    rollups::Rollups,
    writer::{Job, Known, Writer},
};
use crate::{clock::Clock, metrics::Metrics};

/// What the writer task is asked for.
pub(super) enum Order {
    /// Decide and commit.
    Job(Box<Job>),
    /// Put counters right, alone in a transaction: what is stored must be of the state that is decided on.
    Repair(Box<Job>),
    /// Bring the figures that change with the clock up to now.
    Advance,
    /// Give the state, with a read of the database at the same revision.
    Audit(Audit, oneshot::Sender<Result<Opened, Error>>),
    /// Catch up with what other replicas wrote.
    Refresh(oneshot::Sender<Result<(), Error>>),
}

/// A state, and what reads the database as it was at the same revision.
pub(super) type Opened = (Organization, Audit);

/// A handle to one organization at work. The writer task ends with the last handle.
#[derive(Clone)]
pub(super) struct Runtime {
    id: OrganizationId,
    orders: mpsc::Sender<Order>,
    published: watch::Receiver<Arc<Organization>>,
    recent: Arc<Recent>,
    rollups: Arc<Rollups>,
    metrics: Arc<Metrics>,
    lookout: Arc<Lookout>,
}

impl Runtime {
    /// Loads the organization and starts its writer.
    pub(super) async fn start(
        id: OrganizationId,
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let known = store.load(&id).await?.map(|loaded| Known {
            epoch: loaded.head.epoch,
            state: Organization::restore(loaded.parts),
        });
        let state = match &known {
            Some(known) => known.state.clone(),
            None => Organization::empty(id.clone()),
        };
        let (publish, published) = watch::channel(Arc::new(state));
        let (orders, queue) = mpsc::channel(settings.queue_length);
        let recent = Arc::new(Recent::default());
        let rollups = Arc::new(Rollups::default());
        let copies = (recent.clone(), rollups.clone());
        let batch_size = settings.batch_size;
        let writer = Writer::new(
            store,
            clock,
            metrics.clone(),
            publish,
            copies,
            known,
            batch_size,
        );
        tokio::spawn(writer.run(queue));
        Ok(Self {
            id,
            orders,
            published,
            recent,
            rollups,
            metrics,
            lookout: Arc::default(),
        })
    }

    pub(super) const fn id(&self) -> &OrganizationId {
        &self.id
    }

    pub(super) fn published(&self) -> Arc<Organization> {
        self.published.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Organization>> {
        self.published.clone()
    }

    /// The newest events.
    pub(super) const fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    /// The roll-ups that somebody asked for.
    pub(super) const fn rollups(&self) -> &Arc<Rollups> {
        &self.rollups
    }

    /// Asks for the figures that change with the clock to be brought up to now. A full queue does so anyway.
    pub(super) fn advance(&self) {
        if self.orders.try_send(Order::Advance).is_err() {
            tracing::debug!(organization.id = %self.id, "the writer is too busy to look at the clock");
        }
    }

    /// Where one caller at a time looks for what other replicas have written.
    pub(super) fn lookout(&self) -> &Lookout {
        &self.lookout
    }

    /// Puts a job in the queue. Errors: [`Error::Unavailable`] if the queue is full.
    pub(super) fn submit(&self, job: Job) -> Result<(), Error> {
        self.orders
            .try_send(Order::Job(Box::new(job)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Unavailable {
                    message: "the organization has too many calls waiting: retry later".to_owned(),
                },
                mpsc::error::TrySendError::Closed(_) => ended(),
            })?;
        self.note_queue();
        Ok(())
    }

    /// Puts a job in the queue, waiting for its turn if the queue is full: a flood of calls delays it and does not
    /// shut it out. Errors: [`Error::Unavailable`] if the writer has ended.
    pub(super) async fn enqueue(&self, job: Job) -> Result<(), Error> {
        self.orders
            .send(Order::Job(Box::new(job)))
            .await
            .map_err(|_| ended())?;
        self.note_queue();
        Ok(())
    }

    /// Puts a repair of counters in the queue. Errors: as [`Runtime::enqueue`].
    pub(super) async fn repair(&self, job: Job) -> Result<(), Error> {
        let sent = self.orders.send(Order::Repair(Box::new(job))).await;
        sent.map_err(|_| ended())
    }

    /// The newest state, with a read of the database at the same revision.
    pub(super) async fn open_audit(&self, audit: Audit) -> Result<Opened, Error> {
        let (reply, answer) = oneshot::channel();
        let sent = self.orders.send(Order::Audit(audit, reply)).await;
        sent.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// True if the writer task is gone, as after a panic.
    pub(super) fn has_ended(&self) -> bool {
        self.orders.is_closed()
    }

    fn note_queue(&self) {
        // A name that nobody has created is no label.
        if self.published.borrow().exists() {
            let waiting = self.orders.max_capacity() - self.orders.capacity();
            self.metrics.set_queue_length(self.id.as_str(), waiting);
        }
    }

    /// Catches up with what other replicas wrote.
    pub(super) async fn refresh(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(Order::Refresh(reply))
            .await
            .map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

fn ended() -> Error {
    Error::Unavailable {
        message: "the organization's writer has ended: retry".to_owned(),
    }
}
