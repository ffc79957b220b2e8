//! Reads of at least a revision: what another replica has written is fetched when somebody asks for it, and by one caller
//! at a time, so that asking for a revision that does not exist costs the database next to nothing.

use std::{sync::Arc, time::Duration};

use echelon_domain::{Error, Organization, OrganizationId};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout},
};

use super::{App, runtime::Runtime, shutting_down};
use crate::deadline;

/// How long a read waits for the revision that it asks for, if the call's own deadline is not nearer.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a look at the database that did not bring what was asked for, the next one comes no sooner.
const PACE: Duration = Duration::from_millis(50);

/// Where one caller at a time looks for what other replicas have written to an organization.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    /// When the next look may come; none: at once.
    not_before: Mutex<Option<Instant>>,
}

impl App {
    /// The newest snapshot, of at least the revision that a call asks for; 0 asks for none. What is read from the
    /// database after it reflects that revision as well. Errors: [`Error::Invalid`] for a negative revision,
    /// [`Error::Unavailable`] if it does not come in time, [`Error::NotFound`].
    pub async fn snapshot_for(
        &self,
        id: &OrganizationId,
        min_revision: i64,
    ) -> Result<Arc<Organization>, Error> {
        if min_revision < 0 {
            return Err(Error::field(
                "min_revision",
                "must not be negative: use 0 for what this server has, or the revision of an earlier answer",
            ));
        }
        let patience = deadline::patience(PATIENCE);
        self.snapshot_at(id, min_revision, patience).await
    }

    /// The newest snapshot, of at least this revision; waits for it at most `patience`.
    /// Errors: [`Error::Unavailable`] if it does not come in time, [`Error::NotFound`].
    pub async fn snapshot_at(
        &self,
        id: &OrganizationId,
        min_revision: i64,
        patience: Duration,
    ) -> Result<Arc<Organization>, Error> {
        let runtime = self.existing(id).await?;
        let snapshot = runtime.published();
        if snapshot.revision() >= min_revision {
            return Ok(snapshot);
        }
        match timeout(patience, self.reach(&runtime, min_revision)).await {
            Ok(reached) => reached,
            Err(_) => Err(Error::Unavailable {
                message: format!(
                    "revision {min_revision} has not come, the newest here is {}: retry, or ask for the revision of an earlier answer",
                    runtime.published().revision()
                ),
            }),
        }
    }

    /// Waits until this replica knows a revision, whoever brings it.
    async fn reach(
        &self,
        runtime: &Runtime,
        min_revision: i64,
    ) -> Result<Arc<Organization>, Error> {
        let mut published = runtime.subscribe();
        tokio::select! {
            newest = published.wait_for(|snapshot| snapshot.revision() >= min_revision) => {
                newest.map(|snapshot| snapshot.clone()).map_err(|_| shutting_down())
            }
            followed = self.follow(runtime, min_revision) => followed.map(|()| runtime.published()),
        }
    }

    /// Looks for what other replicas have written until it reaches a revision. The head is read first: that locks
    /// nothing, and the writer is only asked to catch up if there is something to catch up with.
    async fn follow(&self, runtime: &Runtime, min_revision: i64) -> Result<(), Error> {
        // Whoever waits here is woken by what the caller before it finds.
        let mut not_before = runtime.lookout().not_before.lock().await;
        while runtime.published().revision() < min_revision {
            if let Some(at) = *not_before {
                sleep_until(at).await;
            }
            if self.head(runtime.id()).await?.revision > runtime.published().revision() {
                runtime.refresh().await?;
            }
            *not_before =
                (runtime.published().revision() < min_revision).then(|| Instant::now() + PACE);
        }
        Ok(())
    }
}
