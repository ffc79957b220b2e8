//! The application: loads, asks the domain, saves. One writer task per organization gathers concurrent commands into
//! one transaction (group commit); readers use the published snapshot and never wait for a writer.

mod audit;
mod feed;
mod folding;
mod freshness;
mod prepared;
mod read;
mod recent;
mod rollups;
mod runtime;
mod stuck;
mod trial;
mod wakeup;
mod worker;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use echelon_domain::{
    Error, NodeId, Organization, OrganizationId, RequestId, Timestamp,
    command::{Command, Context},
    decide::{Decision, decide},
};
use echelon_store::{Head, Store};
use prost::Message;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{clock::Clock, metrics::Metrics};
use runtime::Runtime;
use writer::Job;

pub use audit::Audited;
pub use feed::{Feed, Page, RawEvent, ResumeToken, Start, Step};
pub use prepared::Prepared;
pub use read::{FoundBlocker, FoundMeeting};
pub use rollups::RollupWatch;
pub use stuck::Stuck;
pub use trial::{Rules, Subject, Trial};
pub use wakeup::run_wakeups;
pub use worker::run_workers;

/// What the application may be tuned in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most commands of one transaction.
    pub batch_size: usize,
    /// Most commands that wait for an organization's writer; more are refused.
    pub queue_length: usize,
    /// How often the workers look for what is due.
    pub worker_interval: Duration,
    /// Most watches that are open at once; more are refused.
    pub max_watches: usize,
    /// A timer that is overdue by more than this counts in the liveness audit.
    pub late_tolerance: Duration,
    /// How often the counters are held against a recount; zero: never.
    pub audit_interval: Duration,
    /// How long the answers of calls are kept for retries.
    pub request_retention: Duration,
}

/// A mutating call, apart from what it asks.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method, such as `RaiseBlocker`.
    pub method: &'static str,
    /// Idempotency key, if the caller gave one.
    pub request_id: Option<RequestId>,
    /// Hash of the request without its key: a key must not be used for another call.
    pub fingerprint: i64,
    /// Who asks.
    pub actor: Option<String>,
}

/// The application.
pub struct App {
    store: Store,
    clock: Clock,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    settings: Settings,
    runtimes: Mutex<HashMap<OrganizationId, Arc<OnceCell<Runtime>>>>,
    announcements: wakeup::Announcements,
    ward: stuck::Ward,
    watches: Arc<Semaphore>,
}

impl App {
    /// An application on an open, migrated store.
    #[must_use]
    pub fn new(
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
        shutdown: CancellationToken,
        settings: Settings,
    ) -> Self {
        let watches = settings.max_watches.min(Semaphore::MAX_PERMITS);
        let watches = Arc::new(Semaphore::new(watches));
        Self {
            store,
            clock,
            metrics,
            shutdown,
            settings,
            runtimes: Mutex::new(HashMap::new()),
            announcements: wakeup::Announcements::default(),
            ward: stuck::Ward::default(),
            watches,
        }
    }

    /// The store, for reads that the snapshot does not serve.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The metrics.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Cancelled when the server shuts down: streams end with a token then.
    #[must_use]
    pub const fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// The time now, by this server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time as of which to read a snapshot: never before its newest event.
    #[must_use]
    pub fn time(&self, organization: &Organization) -> Timestamp {
        self.clock.time(organization)
    }

    /// The newest committed snapshot of this replica. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn snapshot(&self, id: &OrganizationId) -> Result<Arc<Organization>, Error> {
        Ok(self.existing(id).await?.published())
    }

    /// The head of the organization's log, as the database has it. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn head(&self, id: &OrganizationId) -> Result<Head, Error> {
        let head = self.store.head(id).await?;
        head.ok_or_else(|| Error::not_found("organization", id))
    }

    /// Tells when a newer snapshot is published. Only a hint: the log is the truth. Errors: as [`App::snapshot`].
    pub async fn subscribe(
        &self,
        id: &OrganizationId,
    ) -> Result<watch::Receiver<Arc<Organization>>, Error> {
        Ok(self.existing(id).await?.subscribe())
    }

    /// The roll-up of a node, as the only field of a message, prepared. Errors: [`Error::NotFound`].
    pub async fn rollup(&self, snapshot: &Organization, node: &NodeId) -> Result<Prepared, Error> {
        let runtime = self.existing(snapshot.id()).await?;
        runtime
            .rollups()
            .message(snapshot, node, self.time(snapshot))
    }

    /// Follows the roll-up of a node, from at least a revision on. Errors: as [`App::snapshot_for`].
    pub async fn watch_rollup(
        &self,
        id: &OrganizationId,
        node: &NodeId,
        min_revision: i64,
    ) -> Result<RollupWatch, Error> {
        self.snapshot_for(id, min_revision).await?;
        let runtime = self.existing(id).await?;
        let (published, clock) = (runtime.subscribe(), &self.clock);
        runtime
            .rollups()
            .watch(published, clock, &self.shutdown, node, min_revision)
    }

    /// Decides and commits a command, and answers with what `respond` makes of the decision. A retry of a call with
    /// the same request id gets the first answer (E7). Errors: as the domain's, and [`Error::Unavailable`].
    pub async fn mutate<R: Message + Default>(
        &self,
        id: &OrganizationId,
        call: Call,
        command: Command,
        respond: impl Fn(&Decision) -> Result<R, Error> + Send + Sync + 'static,
    ) -> Result<R, Error> {
        let creates = matches!(
            command,
            Command::CreateOrganization { .. } | Command::ApplyOrganization(_)
        );
        let runtime = if creates {
            self.any(id).await?
        } else {
            self.existing(id).await?
        };
        let (reply, answer) = oneshot::channel();
        runtime.submit(Job {
            call,
            command,
            respond: Box::new(move |decision| Ok(respond(decision)?.encode_to_vec())),
            reply,
            span: Span::current(),
        })?;
        let answer = answer.await.map_err(|_| shutting_down())?;
        self.announce(&runtime);
        if creates && !runtime.published().exists() {
            self.forget(id);
        }
        R::decode(answer?.as_slice())
            .map_err(|error| Error::internal(format!("cannot decode a stored answer: {error}")))
    }

    /// Decides a command on the newest snapshot and commits nothing. Gives the decision and the revision that it was
    /// made at. Errors: as the domain's.
    pub async fn preview(
        &self,
        id: &OrganizationId,
        command: &Command,
        actor: Option<String>,
    ) -> Result<(Decision, i64), Error> {
        let snapshot = match self.snapshot(id).await {
            Ok(snapshot) => snapshot,
            Err(Error::NotFound { .. }) if matches!(command, Command::ApplyOrganization(_)) => {
                Arc::new(Organization::empty(id.clone()))
            }
            Err(error) => return Err(error),
        };
        let context = Context {
            now: self.time(&snapshot),
            actor,
            request: RequestId::new("request_id", "preview")?,
        };
        let decision = writer::guarded(|| decide(&snapshot, command, &context))?;
        Ok((decision, snapshot.revision()))
    }

    /// Passes every timer that is due now, in every organization, until none is left. Errors: [`Error::Unavailable`].
    pub async fn pass_timers_until_idle(&self) -> Result<usize, Error> {
        worker::pass_all(self).await
    }

    /// Room for a watch, until it is dropped; none if as many are open as may be.
    #[must_use]
    pub fn room_for_watch(&self) -> Option<OwnedSemaphorePermit> {
        self.watches.clone().try_acquire_owned().ok()
    }

    /// What the workers cannot do for a fault of its own.
    #[must_use]
    pub fn stuck(&self) -> Vec<Stuck> {
        self.ward.list()
    }

    /// The runtimes at hand.
    fn loaded(&self) -> Vec<Runtime> {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes
            .values()
            .filter_map(|cell| cell.get().cloned())
            .collect()
    }

    async fn existing(&self, id: &OrganizationId) -> Result<Runtime, Error> {
        if let Some(runtime) = self.at_work(id) {
            return Ok(runtime);
        }
        // A name that nobody has created costs one read, and no writer.
        if self.store.head(id).await?.is_none() {
            return Err(Error::not_found("organization", id));
        }
        let runtime = self.any(id).await?;
        if !runtime.published().exists() {
            // Another replica has created it since.
            runtime.refresh().await?;
        }
        if runtime.published().exists() {
            return Ok(runtime);
        }
        self.forget(id);
        Err(Error::not_found("organization", id))
    }

    /// The runtime of an organization that exists, if it is loaded and its writer lives.
    fn at_work(&self, id: &OrganizationId) -> Option<Runtime> {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes
            .get(id)
            .and_then(|cell| cell.get())
            .filter(|runtime| runtime.published().exists() && !runtime.has_ended())
            .cloned()
    }

    /// The runtime of an organization, started if need be, whether the organization exists or not.
    async fn any(&self, id: &OrganizationId) -> Result<Runtime, Error> {
        let cell = {
            let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = runtimes.entry(id.clone()).or_default();
            if cell.get().is_some_and(Runtime::has_ended) {
                // Only a panic ends a writer while somebody holds its runtime: the next call loads the organization anew.
                tracing::error!(organization.id = %id, "an organization's writer has ended and is started anew");
                *cell = Arc::default();
            }
            cell.clone()
        };
        if let Some(runtime) = cell.get() {
            return Ok(runtime.clone());
        }
        // Loading takes as long as it takes: a caller whose patience ends must not make the next one begin anew.
        let (id, store, clock) = (id.clone(), self.store.clone(), self.clock.clone());
        let (metrics, settings) = (self.metrics.clone(), self.settings.clone());
        let loading = tokio::spawn(async move {
            let start = || Runtime::start(id, store, clock, metrics, &settings);
            cell.get_or_try_init(start).await.cloned()
        });
        loading
            .await
            .map_err(|error| Error::internal(format!("loading an organization failed: {error}")))?
    }

    /// Lets go of an organization that does not exist, so that nonsense names cost no memory.
    fn forget(&self, id: &OrganizationId) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        if runtimes
            .get(id)
            .and_then(|cell| cell.get())
            .is_none_or(|runtime| !runtime.published().exists())
        {
            runtimes.remove(id);
        }
    }
}

fn shutting_down() -> Error {
    Error::Unavailable {
        message: "the server is shutting down: retry".to_owned(),
    }
}
