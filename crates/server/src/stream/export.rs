//! Writing the log of an organization as a stream, byte for byte, from one snapshot.

use echelon_api::{
    convert::{name, time::timestamp},
    v1::{StreamHeader, StreamTrailer},
};
use echelon_domain::{OrganizationId, Timestamp};
use echelon_store::{Store, StoreError};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Checksum, FORMAT, OnProgress, Progress, frame};

/// Events read at once.
const PAGE: u64 = 1_000;

/// What was exported of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The organization.
    pub organization: OrganizationId,
    /// Events written.
    pub events: u64,
    /// Revision of the last one.
    pub revision: i64,
}

/// Why an export fails.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The organization does not exist.
    #[error("organization `{0}` does not exist: check its name")]
    NotFound(OrganizationId),
    /// Its log is not whole.
    #[error(
        "the log of organization `{organization}` is compacted up to revision {revision}, and an event stream holds a \
         whole one: move the database with its own tools (docs/operations.md, Backup), or export another one"
    )]
    Compacted {
        /// The organization.
        organization: OrganizationId,
        /// The last revision that is gone.
        revision: i64,
    },
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream cannot be written.
    #[error("cannot write the stream: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes header, events and trailer of an organization as it is now; a server may serve it meanwhile. Only a page of
/// events is in memory.
///
/// # Errors
/// [`ExportError`] says what to do; what was written until then is no stream.
pub async fn export(
    store: &Store,
    id: &OrganizationId,
    now: Timestamp,
    out: &mut (impl AsyncWrite + Unpin),
    on_progress: &mut OnProgress,
) -> Result<Exported, ExportError> {
    let snapshot = store.snapshot(id).await?;
    let snapshot = snapshot.ok_or_else(|| ExportError::NotFound(id.clone()))?;
    match snapshot.compacted().await? {
        0 => {}
        revision => {
            return Err(ExportError::Compacted {
                organization: id.clone(),
                revision,
            });
        }
    }
    let revision = snapshot.head().revision;
    let mut progress = Progress {
        organization: id.to_string(),
        events: 0,
        total: snapshot.count_events().await?,
    };
    let mut buffer = Vec::new();
    let header = StreamHeader {
        format: FORMAT,
        organization: name::organization(id),
        revision,
        events: count(progress.total),
        export_time: Some(timestamp(now)),
    };
    frame::write_header(&header, &mut buffer);
    let mut checksum = Checksum::default();
    let mut place = None;
    loop {
        let page = snapshot.events_after(place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = Some((last.revision, last.index));
        for event in &page {
            checksum.add(&event.payload);
            frame::write_event(&event.payload, &mut buffer);
        }
        out.write_all(&buffer).await?;
        buffer.clear();
        progress.events += page.len() as u64;
        on_progress(&progress);
    }
    let trailer = StreamTrailer {
        events: count(progress.events),
        revision,
        checksum: checksum.value(),
    };
    frame::write_trailer(&trailer, &mut buffer);
    out.write_all(&buffer).await?;
    out.flush().await?;
    Ok(Exported {
        organization: id.clone(),
        events: progress.events,
        revision,
    })
}

fn count(events: u64) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}
