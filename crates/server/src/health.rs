//! Whether the server can do its work, for gRPC health and for `/readyz`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use echelon_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::metrics::Metrics;

/// How often gRPC health is brought up to date.
const ROUND: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the server's health depends on.
#[derive(Clone)]
pub(crate) struct Health {
    store: Store,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    workers_stopped: Arc<AtomicBool>,
}

impl Health {
    pub(crate) fn new(store: Store, metrics: Arc<Metrics>, shutdown: CancellationToken) -> Self {
        Self {
            store,
            metrics,
            shutdown,
            workers_stopped: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Tells that the workers stopped though they should work, or that they work again.
    pub(crate) fn set_workers_stopped(&self, stopped: bool) {
        self.workers_stopped.store(stopped, Ordering::Relaxed);
    }

    /// Whether it can serve. Errors: every reason why not, for people.
    pub(crate) async fn check(&self) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        if self.shutdown.is_cancelled() {
            faults.push("the server is shutting down".to_owned());
        }
        if self.workers_stopped.load(Ordering::Relaxed) {
            faults.push("the workers have stopped: see the log".to_owned());
        }
        let served = tokio::time::timeout(PATIENCE, self.store.check_served()).await;
        self.metrics.set_database_up(matches!(
            served,
            Ok(Ok(()) | Err(StoreError::NewerSchema { .. }))
        ));
        match served {
            Ok(Ok(())) => {}
            Ok(Err(error @ StoreError::NewerSchema { .. })) => faults.push(error.to_string()),
            Ok(Err(error)) => faults.push(format!("the database does not answer: {error}")),
            Err(_) => faults.push("the database does not answer in time".to_owned()),
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Keeps gRPC health up to date until shutdown.
    pub(crate) async fn watch(self, told: &Told) {
        let mut known = None;
        while !self.shutdown.is_cancelled() {
            let status = match self.check().await {
                Ok(()) => ServingStatus::Serving,
                Err(faults) => {
                    if known != Some(ServingStatus::NotServing) && !self.shutdown.is_cancelled() {
                        tracing::warn!(faults = faults.join("; "), "the server is not ready");
                    }
                    ServingStatus::NotServing
                }
            };
            if known != Some(status) {
                if known == Some(ServingStatus::NotServing) {
                    tracing::info!("the server is ready again");
                }
                told.set(status).await;
                known = Some(status);
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }
}

/// What gRPC health tells: one status for the server as a whole, the empty name, and for every service.
pub(crate) struct Told {
    reporter: HealthReporter,
    services: Vec<String>,
}

impl Told {
    pub(crate) const fn new(reporter: HealthReporter, services: Vec<String>) -> Self {
        Self { reporter, services }
    }

    pub(crate) async fn set(&self, status: ServingStatus) {
        for service in self.names() {
            self.reporter.set_service_status(service, status).await;
        }
    }

    /// Tells everybody that the server does not serve any more, and ends the watches: they would hold up its end.
    pub(crate) async fn end(mut self) {
        self.set(ServingStatus::NotServing).await;
        let names: Vec<String> = self.names().map(str::to_owned).collect();
        for service in names {
            self.reporter.clear_service_status(&service).await;
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once("").chain(self.services.iter().map(String::as_str))
    }
}
