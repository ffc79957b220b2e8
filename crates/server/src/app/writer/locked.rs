//! The way of a batch that locks the head before anything is decided: for what begins, what was outrun by another replica,
//! and what the database has refused.

use std::time::{Duration, Instant};

use echelon_api::convert::event::from_record;
use echelon_domain::{Error, Organization, RequestId, Timestamp, command::Command, event::Event};
use echelon_store::{Audit, Batch, Committed, EventRow, Head, StoreError};
use tracing::{Instrument as _, Span};

use super::{
    Known, Missing, Writer,
    decided::{Decided, Firsts},
    flight::changes,
    job::Job,
    retire,
};
use crate::app::runtime::Opened;

/// Most events read to catch up with another replica; a longer way is shorter by a reload.
const CATCH_UP_EVENTS: usize = 10_000;

impl Writer {
    /// Decides and commits jobs with the head locked, and answers them. If the database refuses to write them, each is
    /// tried alone, so that one that cannot be written fails alone.
    pub(super) async fn decide_locked(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        self.locked_ahead = self.locked_ahead.saturating_sub(1);
        // The batch is part of the call that began it; the others share its fate.
        let first = jobs.first().map_or_else(Span::none, |job| job.span.clone());
        let span = tracing::info_span!(parent: &first, "batch", batch.commands = jobs.len());
        let refused = self.try_locked(jobs).instrument(span.clone()).await;
        if refused.len() == 1 {
            for (job, error) in refused {
                job.answer(Err(error));
            }
            return;
        }
        for (job, _) in refused {
            for (job, error) in self.try_locked(vec![job]).instrument(span.clone()).await {
                job.answer(Err(error));
            }
        }
    }

    /// As [`Writer::decide_locked`], all at once. Gives back the jobs that the database refused to write.
    async fn try_locked(&mut self, mut jobs: Vec<Job>) -> Vec<(Job, Error)> {
        let started = Instant::now();
        let prepared = async {
            let (mut batch, known) = self.lock().await?;
            let firsts = first_answers(&mut batch, &jobs).await?;
            let mut decided = Decided::on(known);
            recall(&mut batch, &mut decided, &jobs).await?;
            renew_books(&mut batch, &mut jobs).await?;
            Ok::<_, Error>((batch, decided, firsts))
        };
        let (batch, mut decided, firsts) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.metrics.count_failed_batch();
                for job in jobs {
                    job.answer(Err(error.clone()));
                }
                return Vec::new();
            }
        };
        let clock = self.locked_time(&batch);
        for job in jobs {
            let now = clock.max(decided.state.time().plus(Duration::from_micros(1)));
            decided.decide(job, &firsts, now);
        }
        let after = decided.after();
        match write(batch, &decided).await {
            Ok(written) => {
                let epoch = written
                    .as_ref()
                    .map(|(committed, _)| committed.head.epoch.clone());
                let after = Known {
                    // A new organization has got its history with this commit.
                    epoch: epoch.unwrap_or(after.epoch),
                    state: after.state,
                };
                if after.state.exists() {
                    self.accept(written, after, &decided.events, started);
                }
                decided.answer(&[]);
                Vec::new()
            }
            Err(error) if error.is_undone() => {
                self.known = None;
                let organization = after.state.id();
                self.metrics.count_failed_batch();
                tracing::error!(organization.id = %organization, %error, "the database refused a batch");
                let error = Error::from(error);
                let jobs = decided.into_jobs().into_iter();
                jobs.map(|job| (job, error.clone())).collect()
            }
            Err(error) => {
                // The database may or may not have committed: read what it holds before the next batch.
                self.known = None;
                let organization = after.state.id();
                self.metrics.count_failed_batch();
                tracing::warn!(organization.id = %organization, %error, "a batch could not be committed");
                decided.refuse(&error.into());
                Vec::new()
            }
        }
    }

    /// Catches up with what others wrote.
    pub(super) async fn refresh(&mut self) -> Result<(), Error> {
        let (batch, known) = self.lock().await?;
        drop(batch);
        if known.state.exists() {
            self.publish_state(known);
        }
        Ok(())
    }

    /// The newest state, with a read of the database at the very same revision: it begins while the head is locked.
    pub(super) async fn open_audit(&mut self, mut audit: Audit) -> Result<Opened, Error> {
        let (batch, known) = self.lock().await?;
        let head = audit.open().await?;
        drop(batch);
        let state = known.state.clone();
        if state.exists() {
            self.publish_state(known);
        }
        if head.is_some_and(|head| head.revision == state.revision()) {
            Ok((state, audit))
        } else {
            Err(Error::internal(
                "the database moved on though its head was locked",
            ))
        }
    }

    /// Locks the head and gives the state as the database holds it.
    async fn lock(&mut self) -> Result<(Batch, Known), Error> {
        let id = self.publish.borrow().id().clone();
        let mut batch = self.store.begin(&id).await?;
        let known = self.catch_up(&mut batch).await;
        self.known = match &known {
            Ok(known) => known.state.exists().then(|| known.clone()),
            // What was known still is; the rest is read the next time.
            Err(Error::Unavailable { .. }) => self.known.take(),
            Err(_) => None,
        };
        Ok((batch, known?))
    }

    async fn catch_up(&mut self, batch: &mut Batch) -> Result<Known, Error> {
        let id = self.publish.borrow().id().clone();
        let Some(Head {
            epoch, revision, ..
        }) = batch.head().cloned()
        else {
            return Ok(Known {
                epoch: String::new(),
                state: Organization::empty(id),
            });
        };
        if let Some(known) = &self.known
            && known.epoch == epoch
            && known.state.revision() <= revision
        {
            let state = known.state.clone();
            if state.revision() == revision {
                return Ok(Known { epoch, state });
            }
            if let Some((state, rows, events)) = follow(batch, state, revision).await? {
                self.recent.push(&epoch, rows, &events);
                return Ok(Known { epoch, state });
            }
        }
        self.recent.begin(&epoch, revision);
        self.rollups.clear();
        let state = match batch.load().await? {
            Some(loaded) => Organization::restore(loaded.parts),
            None => Organization::empty(id),
        };
        Ok(Known { epoch, state })
    }

    /// The clock that revisions are told by, now that the head is locked.
    fn locked_time(&mut self, batch: &Batch) -> Timestamp {
        self.database_clock.read(batch.database_time());
        self.clock.of_write(batch.database_time())
    }
}

/// What another replica wrote: the state after it, and the events.
type Followed = (Organization, Vec<EventRow>, Vec<Event>);

/// Folds what another replica wrote into a state. None: a reload is shorter, or needed.
async fn follow(
    batch: &mut Batch,
    mut state: Organization,
    revision: i64,
) -> Result<Option<Followed>, Error> {
    let rows = batch
        .events_after(state.revision(), CATCH_UP_EVENTS)
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(from_record(&row.payload)?);
    }
    for event in &events {
        if state.apply(event).is_err() {
            return Ok(None);
        }
    }
    if state.revision() != revision {
        return Ok(None);
    }
    retire(&mut state, &events);
    Ok(Some((state, rows, events)))
}

/// The answers of calls that are retried.
async fn first_answers(batch: &mut Batch, jobs: &[Job]) -> Result<Firsts<'static>, Error> {
    let ids = jobs.iter().filter_map(|job| job.call.request_id.clone());
    let ids: Vec<RequestId> = ids.collect();
    Ok(Firsts::stored(batch.requests(&ids).await?))
}

/// Takes in everything closed that the jobs name.
async fn recall(batch: &mut Batch, decided: &mut Decided, jobs: &[Job]) -> Result<(), Error> {
    let missing = |state: &Organization| {
        let missing: Vec<Missing> = jobs
            .iter()
            .map(|job| Missing::of(state, &job.command))
            .collect();
        missing
    };
    let mut meetings: Vec<_> = missing(&decided.state)
        .into_iter()
        .flat_map(|missing| missing.meetings)
        .collect();
    meetings.sort_unstable();
    meetings.dedup();
    if !meetings.is_empty() {
        let found = batch.meetings(&meetings).await?;
        decided.recall(Vec::new(), found);
    }
    // A meeting tells of more.
    let mut blockers: Vec<_> = missing(&decided.state)
        .into_iter()
        .flat_map(|missing| missing.blockers)
        .collect();
    blockers.sort_unstable();
    blockers.dedup();
    if !blockers.is_empty() {
        let found = batch.blockers(&blockers).await?;
        decided.recall(found, Vec::new());
    }
    Ok(())
}

/// A repair is decided on what is stored now that the head is locked (E5).
async fn renew_books(batch: &mut Batch, jobs: &mut [Job]) -> Result<(), Error> {
    for job in jobs {
        if let Command::RepairCounters { books, .. } = &mut job.command {
            **books = batch.books().await?;
        }
    }
    Ok(())
}

/// Makes what was decided durable. Gives the commit, and the events as they stand in the log, if there are any.
async fn write(
    batch: Batch,
    decided: &Decided,
) -> Result<Option<(Committed, Vec<EventRow>)>, StoreError> {
    if !decided.writes() {
        return Ok(None);
    }
    let changes = changes(decided);
    let committed = batch.commit(&changes).await?;
    Ok(Some((committed, changes.events)))
}
