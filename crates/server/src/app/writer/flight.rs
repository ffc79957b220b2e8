//! A batch on its way to the database.

use std::{collections::HashMap, pin::Pin, time::Instant};

use echelon_api::convert::event::to_record;
use echelon_domain::RequestId;
use echelon_store::{Changes, Committed, DatabaseKind, EventRow, Store, StoreError, StoredRequest};
use prost::Message as _;
use tracing::Instrument as _;

use super::{Known, decided::Decided};

/// A batch that is being written.
pub(super) struct Flight {
    /// Polled by the writer: a task of its own would cost two more changes of threads for each batch.
    writing: Pin<Box<dyn Future<Output = Landed> + Send>>,
    /// What it leaves if it lands.
    after: Known,
    /// The answers that it keeps for retries.
    firsts: HashMap<RequestId, StoredRequest>,
}

/// What has become of a batch.
pub(super) struct Landed {
    pub(super) decided: Decided,
    /// First answers of calls that were refused, and had been answered before.
    pub(super) replays: Vec<StoredRequest>,
    /// What was written; none if there was nothing to write, and nobody else has written.
    pub(super) written: Result<Option<(Committed, Vec<EventRow>)>, StoreError>,
    pub(super) after: Known,
    pub(super) started: Instant,
}

impl Flight {
    /// Begins to write a batch, which leaves `after`.
    pub(super) fn begin(store: Store, decided: Decided, after: Known) -> Self {
        let firsts = decided.firsts();
        let span = decided.span();
        let copy = after.clone();
        let writing = async move {
            let started = Instant::now();
            let mut replays = Vec::new();
            let written = write(&store, &decided, &mut replays).await;
            Landed {
                decided,
                replays,
                written,
                after: copy,
                started,
            }
        };
        Self {
            writing: Box::pin(writing.instrument(span)),
            after,
            firsts,
        }
    }

    /// What it leaves if it lands.
    pub(super) const fn after(&self) -> &Known {
        &self.after
    }

    /// The answers that it keeps for retries.
    pub(super) const fn firsts(&self) -> &HashMap<RequestId, StoredRequest> {
        &self.firsts
    }
}

/// Waits for a flight, which is not to be asked again afterwards.
pub(super) async fn landing(flight: &mut Option<Flight>) -> Landed {
    match flight {
        Some(flight) => flight.writing.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn write(
    store: &Store,
    decided: &Decided,
    replays: &mut Vec<StoredRequest>,
) -> Result<Option<(Committed, Vec<EventRow>)>, StoreError> {
    let base = &decided.base;
    let head = Known {
        epoch: decided.epoch.clone(),
        state: base.clone(),
    }
    .head();
    let doubtful = decided.doubtful();
    // What is refused must be so by the newest state, also where nothing is written that would prove it.
    let is_unproved = !decided.writes() && store.kind() == DatabaseKind::Postgres;
    if is_unproved || !doubtful.is_empty() {
        let look = store.look(base.id(), &doubtful).await?;
        if is_unproved && look.head.as_ref() != Some(&head) {
            return Err(StoreError::Stale {
                expected: head.revision,
                found: look.head.map_or(0, |head| head.revision),
            });
        }
        *replays = look.requests;
    }
    if !decided.writes() {
        return Ok(None);
    }
    let changes = changes(decided);
    let committed = store.commit_on(base.id(), &head, &changes).await?;
    Ok(Some((committed, changes.events)))
}

/// What a batch writes.
pub(super) fn changes(decided: &Decided) -> Changes {
    let (base, events) = (&decided.base, &decided.events);
    let mut changes = Changes::between(base, &decided.state, events);
    let rows = events.iter().map(|event| EventRow {
        revision: event.revision,
        index: event.index,
        at: event.at,
        kind: event.payload.kind().to_owned(),
        blocker: event.payload.blocker(),
        payload: to_record(base.id(), event).encode_to_vec(),
    });
    changes.events = rows.collect();
    changes.requests.clone_from(&decided.kept);
    changes
}
