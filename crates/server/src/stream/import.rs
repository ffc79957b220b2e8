//! Bringing streams in: one thread reads, folds and makes rows, while the database writes the rows before them.

use std::{
    io::{self, BufRead},
    thread,
};

use echelon_domain::{Organization, OrganizationId};
use echelon_store::{Bulk, BulkWrite, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::{
    OnProgress,
    fold::{self, Step, Stop},
};

/// Batches of rows on their way: enough to keep both halves busy.
const UNDER_WAY: usize = 2;

/// What was imported of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The organization.
    pub organization: OrganizationId,
    /// Events of it.
    pub events: u64,
    /// Revision of the last one.
    pub revision: i64,
}

/// Why an import fails.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The stream does not fit.
    #[error("record {record} of the stream is refused: {message}")]
    Refused {
        /// Which record, from 1.
        record: u64,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The organization exists.
    #[error(
        "organization `{0}` exists in this database already: import into a database without it"
    )]
    Exists(OrganizationId),
    /// The stream cannot be read.
    #[error("cannot read the stream: {0}")]
    Read(#[source] io::Error),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that reads panicked.
    #[error("the import ended unexpectedly: report it, with the stream if you can")]
    Panicked,
}

/// Brings every organization of a stream in, each as a whole or not at all; `done` is told of each that is durable. What
/// is folded is checked, event by event: nothing that the service relies on is taken from the stream unseen.
///
/// # Errors
/// [`ImportError`]: of the organization at work nothing remains; those that `done` was told of do.
pub async fn import(
    bulk: &mut Bulk,
    source: impl BufRead + Send + 'static,
    on_progress: OnProgress,
    done: impl FnMut(&Imported),
) -> Result<(), ImportError> {
    let (sender, steps) = mpsc::channel(UNDER_WAY);
    let (outcome, read) = oneshot::channel();
    // Not one of the runtime's threads: those are waited for at the end, and a pipe that says nothing has none.
    thread::Builder::new()
        .name("import".to_owned())
        .spawn(move || {
            let read = fold::run(source, &sender, on_progress);
            // If nobody waits for it, the writing half has failed and tells.
            let _ = outcome.send(read);
        })
        .map_err(ImportError::Read)?;
    write_all(bulk, steps, done).await?;
    match read.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Stop::Refused(error))) => Err(error),
        Ok(Err(Stop::Abandoned)) | Err(_) => Err(ImportError::Panicked),
    }
}

/// Does what the reading half asks for, until it ends.
async fn write_all(
    bulk: &mut Bulk,
    mut steps: mpsc::Receiver<Step>,
    mut done: impl FnMut(&Imported),
) -> Result<(), ImportError> {
    while let Some(step) = steps.recv().await {
        let Step::Begin { id, reply } = step else {
            return Err(ImportError::Panicked);
        };
        let rows = Box::new(bulk.rows(&id));
        let mut write = bulk.begin(&id).await?;
        if write.head().is_some() {
            write.roll_back().await?;
            return Err(ImportError::Exists(id));
        }
        // If nobody waits for it, the next step is the end.
        let _ = reply.send(rows);
        match write_one(&mut write, &mut steps).await {
            Ok(Some(Finished {
                organization,
                events,
                reply,
            })) => {
                let head = write.commit(&organization).await?;
                done(&Imported {
                    organization: id,
                    events,
                    revision: head.revision,
                });
                // As above.
                let _ = reply.send(());
            }
            // The reading half has stopped, and says why.
            Ok(None) => {
                write.roll_back().await?;
                return Ok(());
            }
            Err(error) => {
                // What failed matters more than a connection that cannot be rolled back, and is by its close.
                if let Err(error) = write.roll_back().await {
                    tracing::debug!(%error, "the failed import is rolled back by the end of its connection");
                }
                return Err(error.into());
            }
        }
    }
    Ok(())
}

/// An organization that was read to its end.
struct Finished {
    organization: Box<Organization>,
    events: u64,
    reply: oneshot::Sender<()>,
}

async fn write_one(
    write: &mut BulkWrite<'_>,
    steps: &mut mpsc::Receiver<Step>,
) -> Result<Option<Finished>, StoreError> {
    while let Some(step) = steps.recv().await {
        match step {
            Step::Write { rows } => write.write(*rows).await?,
            Step::Take { number, reply } => {
                // If nobody waits for it, the next step is the end.
                let _ = reply.send(write.take_blocker(number).await?);
            }
            Step::Commit {
                organization,
                events,
                reply,
            } => {
                return Ok(Some(Finished {
                    organization,
                    events,
                    reply,
                }));
            }
            Step::Begin { .. } => return Ok(None),
        }
    }
    Ok(None)
}
