//! Wake-ups between replicas: each tells the others how far the logs that it writes to have grown, so that their watchers
//! need not wait for the next look at the heads. They are hints: whatever becomes of them, the workers read the heads each
//! second, and the log is the truth.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use echelon_domain::OrganizationId;
use echelon_store::{DatabaseKind, StoreError, Wakeup};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{App, runtime::Runtime};

/// A replica wakes others up at most once in this time, however much it writes: on PostgreSQL one lock is held by all
/// commits that notify.
const PACE: Duration = Duration::from_millis(50);
/// Waits before listening again, doubled up to a bound.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long what was told may take to be found. What is not is found by the workers.
const PATIENCE: Duration = Duration::from_secs(2);

/// What other replicas are yet to be told.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    grown: Mutex<BTreeMap<OrganizationId, i64>>,
    noted: Notify,
}

impl Announcements {
    fn take(&self) -> Vec<(OrganizationId, i64)> {
        let mut grown = self.grown.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut *grown).into_iter().collect()
    }
}

impl App {
    /// Takes note that this replica has written to an organization, for others.
    pub(super) fn announce(&self, runtime: &Runtime) {
        if self.store.kind() == DatabaseKind::Sqlite {
            return;
        }
        let announcements = &self.announcements;
        let grown = announcements.grown.lock();
        let mut grown = grown.unwrap_or_else(PoisonError::into_inner);
        grown.insert(runtime.id().clone(), runtime.published().revision());
        announcements.noted.notify_one();
    }
}

/// Wakes others up and is woken up, until shutdown.
pub async fn run_wakeups(app: Arc<App>) {
    if app.store.kind() == DatabaseKind::Sqlite {
        return;
    }
    tokio::select! {
        () = app.shutdown.cancelled() => {}
        () = tell(&app) => {}
        () = hear(&app) => {}
    }
}

async fn tell(app: &App) {
    loop {
        app.announcements.noted.notified().await;
        let grown = app.announcements.take();
        if !grown.is_empty()
            && let Err(error) = app.store.wake_others(&grown).await
        {
            tracing::debug!(%error, "other replicas were not woken up and will look by themselves");
        }
        sleep(PACE).await;
    }
}

async fn hear(app: &Arc<App>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let Err(error) = listen(app).await else {
            // Nobody can be heard here: the workers look by themselves, and others are told all the same.
            std::future::pending::<()>().await;
            return;
        };
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        if pause == FIRST_PAUSE {
            tracing::warn!(%error, "wake-ups from other replicas are lost for now: their writes are looked for each second");
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens for as long as the connection lasts. Ends well only where nobody can listen.
async fn listen(app: &Arc<App>) -> Result<(), StoreError> {
    let Some(mut listener) = app.store.listen().await? else {
        return Ok(());
    };
    loop {
        match listener.next().await? {
            Wakeup::Grown(grown) => {
                for (id, revision) in grown {
                    catch_up(app, id, revision);
                }
            }
            Wakeup::Missed => {
                for (id, head) in app.store.heads().await? {
                    catch_up(app, id, head.revision);
                }
            }
        }
    }
}

/// Catches up with an organization that is at work here, as a read of that revision would: one at a time looks for it.
fn catch_up(app: &Arc<App>, id: OrganizationId, revision: i64) {
    let is_behind = |runtime: Runtime| runtime.published().revision() < revision;
    if !app.at_work(&id).is_some_and(is_behind) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = app.snapshot_at(&id, revision, PATIENCE).await {
            tracing::debug!(organization.id = %id, %error, "a wake-up could not be followed");
        }
    });
}
