//! Bounding the event log by age. What is older than a bound is folded into a base, which takes its place: the rest of the log can be
//! folded from there, and so be checked (E9). Nothing is removed of a log that does not hold.

use echelon_domain::{Organization, OrganizationId, Timestamp, check::Violation};
use echelon_store::{Store, StoreError};

use crate::{check::differences, log::Log};

/// What became of the log of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The organization.
    pub organization: OrganizationId,
    /// The revision that its log begins after; 0 if it is whole.
    pub revision: i64,
    /// Events that are gone now.
    pub removed: u64,
}

/// Why a log is not compacted.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The organization does not exist.
    #[error("organization `{0}` does not exist: check its name")]
    NotFound(OrganizationId),
    /// Log and tables do not agree: what could tell why must not go.
    #[error(
        "organization `{organization}` does not hold what it must ({}: {}), and its log is left as it is: see `echelond check`",
        violation.guarantee, violation.message
    )]
    Unsound {
        /// The organization.
        organization: OrganizationId,
        /// The first thing that does not hold.
        violation: Violation,
    },
    /// The database fails, or somebody else compacts the log at the same time.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compacts the log of an organization up to the last revision from before an instant; the newest revision always stays. All blockers
/// there ever were are in memory meanwhile. Servers of a PostgreSQL may go on.
///
/// # Errors
/// [`CompactError`] says what to do; nothing was removed.
pub async fn compact(
    store: &Store,
    id: &OrganizationId,
    before: Timestamp,
) -> Result<Compacted, CompactError> {
    let base = store.base(id).await?;
    let base = base.map_or_else(|| Organization::empty(id.clone()), Organization::restore);
    let compacted = base.revision();
    let stored = store.load_all(id).await?;
    let stored = stored.ok_or_else(|| CompactError::NotFound(id.clone()))?;
    let stored = Organization::restore(stored.parts);
    let newest = stored.revision();
    let mut log = Log::after(store, base);
    // The state before the first event that stays.
    let mut kept: Option<Organization> = None;
    let folded = log
        .fold_to(newest, |state, event| {
            let stays = event.at >= before || event.revision == newest;
            if stays && kept.is_none() {
                kept = Some(state.clone());
            }
        })
        .await?;
    let violations = match folded {
        Ok(()) => differences(log.state(), &stored),
        Err(violation) => vec![violation],
    };
    if let Some(violation) = violations.into_iter().next() {
        let now = store.compacted(id).await?;
        if now != compacted {
            // The log was read while it lost its beginning.
            return Err(CompactError::Store(StoreError::Stale {
                expected: compacted,
                found: now,
            }));
        }
        return Err(CompactError::Unsound {
            organization: id.clone(),
            violation,
        });
    }
    let state = kept.filter(|state| state.revision() > compacted);
    let Some(state) = state else {
        return Ok(Compacted {
            organization: id.clone(),
            revision: compacted,
            removed: 0,
        });
    };
    Ok(Compacted {
        organization: id.clone(),
        revision: state.revision(),
        removed: store.compact(&state, compacted).await?,
    })
}
