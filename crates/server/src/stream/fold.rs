//! The reading half of an import, on a thread of its own: decodes and folds every event, refuses what does not fit, and
//! makes the rows. What is closed for good is let go of as soon as its row is made, so that memory is bounded by what is
//! live, however long the stream is.

use std::{io::BufRead, sync::Arc};

use echelon_api::{
    convert::{event::from_foreign, name},
    v1::{StreamHeader, StreamTrailer},
};
use echelon_domain::{
    BlockerNumber, Error, Organization, OrganizationId,
    blocker::Blocker,
    event::{Event, Payload},
    replay::Replay,
};
use echelon_store::{BulkRows, EventRow};
use tokio::sync::{mpsc, oneshot};

use super::{
    Checksum, FORMAT, OnProgress, Progress,
    frame::{FrameError, FrameReader, Record},
    import::ImportError,
};

/// Rows are handed over when they take about so much memory.
const CHUNK: usize = 4 << 20;

/// What the writing half is asked for, in order.
pub(super) enum Step {
    /// Begin an organization; answers with an empty batch of rows.
    Begin {
        /// The organization.
        id: OrganizationId,
        /// Where the answer goes.
        reply: oneshot::Sender<Box<BulkRows>>,
    },
    /// Write rows.
    Write {
        /// The rows.
        rows: Box<BulkRows>,
    },
    /// Take a blocker that was written out again.
    Take {
        /// The blocker.
        number: BlockerNumber,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<Blocker>>,
    },
    /// Make the organization durable.
    Commit {
        /// Its state at the end.
        organization: Box<Organization>,
        /// Events of it.
        events: u64,
        /// Tells that it is done.
        reply: oneshot::Sender<()>,
    },
}

/// Why the reading half ends early.
pub(super) enum Stop {
    /// The stream is refused.
    Refused(ImportError),
    /// The writing half has ended, and knows why.
    Abandoned,
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Refused(error)
    }
}

/// Reads a stream to its end.
pub(super) fn run(
    source: impl BufRead,
    steps: &mpsc::Sender<Step>,
    mut on_progress: OnProgress,
) -> Result<(), Stop> {
    let mut stream = Stream {
        frames: FrameReader::new(source),
        records: 0,
    };
    while let Some(header) = stream.header()? {
        Fold::begin(&stream, steps, &header)?.read(&mut stream, &mut on_progress)?;
    }
    if stream.records == 0 {
        return Err(stream.refuse("the stream is empty: name a file that `echelond export` wrote"));
    }
    Ok(())
}

/// The stream, and how far it was read.
struct Stream<R> {
    frames: FrameReader<R>,
    /// Records read so far.
    records: u64,
}

impl<R: BufRead> Stream<R> {
    fn next(&mut self) -> Result<Option<Record<'_>>, Stop> {
        let number = self.records + 1;
        match self.frames.next_record() {
            Ok(record) => {
                self.records = number;
                Ok(record)
            }
            Err(FrameError::Io(error)) => Err(ImportError::Read(error).into()),
            Err(error) => Err(refused(number, error)),
        }
    }

    /// The next record, which must be a header; none at the end of the stream.
    fn header(&mut self) -> Result<Option<StreamHeader>, Stop> {
        let before = self.records;
        match self.next()? {
            None => {
                self.records = before;
                Ok(None)
            }
            Some(Record::Header(header)) => Ok(Some(header)),
            Some(Record::Event(_) | Record::Trailer(_)) => {
                Err(self.refuse("it comes before a header: begin each organization with one"))
            }
        }
    }

    /// Refuses the record that was read last.
    fn refuse(&self, message: impl ToString) -> Stop {
        refused(self.records, message)
    }
}

fn refused(record: u64, message: impl ToString) -> Stop {
    Stop::Refused(ImportError::Refused {
        record,
        message: message.to_string(),
    })
}

/// One organization in the middle of being folded.
struct Fold<'a> {
    steps: &'a mpsc::Sender<Step>,
    header: &'a StreamHeader,
    id: OrganizationId,
    replay: Replay,
    /// Rows that are not handed over yet.
    rows: Box<BulkRows>,
    /// Closed blockers whose rows are not made yet: what is reopened soon comes from here.
    closed: Vec<Arc<Blocker>>,
    checksum: Checksum,
    progress: Progress,
}

impl<'a> Fold<'a> {
    fn begin<R: BufRead>(
        stream: &Stream<R>,
        steps: &'a mpsc::Sender<Step>,
        header: &'a StreamHeader,
    ) -> Result<Self, Stop> {
        let StreamHeader {
            format,
            organization,
            revision: _,
            events,
            export_time: _,
        } = header;
        if *format != FORMAT {
            return Err(stream.refuse(format!(
                "header.format: is {format}, and this version of Echelon reads {FORMAT}: export it with, or upgrade to, a \
                 version that knows both"
            )));
        }
        let id = name::parse_organization("header.organization", organization)
            .map_err(|error| stream.refuse(error))?;
        let rows = ask(steps, |reply| Step::Begin {
            id: id.clone(),
            reply,
        })?;
        Ok(Self {
            steps,
            header,
            replay: Replay::new(id.clone()),
            progress: Progress {
                organization: id.to_string(),
                events: 0,
                total: u64::try_from(*events).unwrap_or(0),
            },
            id,
            rows,
            closed: Vec::new(),
            checksum: Checksum::default(),
        })
    }

    /// Reads to the trailer, and sees the organization made durable.
    fn read<R: BufRead>(
        mut self,
        stream: &mut Stream<R>,
        on_progress: &mut OnProgress,
    ) -> Result<(), Stop> {
        loop {
            let number = stream.records + 1;
            match stream.next()? {
                Some(Record::Event(bytes)) => self.event(number, bytes)?,
                Some(Record::Trailer(trailer)) => {
                    self.check_counts(&trailer)
                        .map_err(|message| refused(number, message))?;
                    on_progress(&self.progress);
                    return self.finish(number);
                }
                Some(Record::Header(_)) => {
                    return Err(refused(
                        number,
                        "it is a header, but the organization before it has no trailer: export that one again",
                    ));
                }
                None => {
                    return Err(refused(
                        number,
                        "the stream ends without a trailer: copy or export it again",
                    ));
                }
            }
            if self.rows.bytes() >= CHUNK {
                self.hand_over()?;
                on_progress(&self.progress);
            }
        }
    }

    fn event(&mut self, record: u64, bytes: &[u8]) -> Result<(), Stop> {
        let event = from_foreign(&self.id, bytes).map_err(|error| refused(record, error))?;
        let at = |error: Error| {
            let message = format!("event {}/{}: {error}", event.revision, event.index);
            refused(record, message)
        };
        if let Some(number) = self.replay.missing(&event) {
            self.recall(number)?;
        }
        self.replay.fold(&event).map_err(at)?;
        self.checksum.add(bytes);
        self.progress.events += 1;
        let row = EventRow {
            revision: event.revision,
            index: event.index,
            at: event.at,
            kind: event.payload.kind().to_owned(),
            blocker: event.payload.blocker(),
            payload: bytes.to_vec(),
        };
        self.rows.add_event(row).map_err(ImportError::Store)?;
        self.let_go(&event)
    }

    /// Takes a closed blocker in again.
    fn recall(&mut self, number: BlockerNumber) -> Result<(), Stop> {
        let waiting = self
            .closed
            .iter()
            .rposition(|closed| closed.number == number);
        let found = match waiting {
            Some(index) => Some(Arc::unwrap_or_clone(self.closed.swap_remove(index))),
            None => ask(self.steps, |reply| Step::Take { number, reply })?,
        };
        if let Some(blocker) = found {
            self.replay.recall(blocker);
        }
        Ok(())
    }

    /// Lets go of what an event has closed for good.
    fn let_go(&mut self, event: &Event) -> Result<(), Stop> {
        let state = self.replay.organization();
        match &event.payload {
            Payload::BlockerChanged(change) => {
                if let Ok(blocker) = state.blocker(change.number)
                    && !blocker.is_live()
                {
                    self.closed.push(blocker.clone());
                    self.replay.retire(Some(change.number), None);
                }
            }
            Payload::MeetingClosed(closed) => {
                if let Ok(meeting) = state.meeting(closed.number) {
                    self.rows.add_meeting(meeting).map_err(ImportError::Store)?;
                    self.replay.retire(None, Some(closed.number));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands the rows over.
    fn hand_over(&mut self) -> Result<(), Stop> {
        for blocker in self.closed.drain(..) {
            self.rows
                .add_blocker(&blocker)
                .map_err(ImportError::Store)?;
        }
        let empty = Box::new(self.rows.following());
        let rows = std::mem::replace(&mut self.rows, empty);
        self.steps
            .blocking_send(Step::Write { rows })
            .map_err(|_| Stop::Abandoned)
    }

    fn check_counts(&self, trailer: &StreamTrailer) -> Result<(), String> {
        let StreamTrailer {
            events,
            revision,
            checksum,
        } = *trailer;
        let counted = i64::try_from(self.progress.events).unwrap_or(i64::MAX);
        let reached = self.replay.organization().revision();
        if (events, revision) != (counted, reached) {
            return Err(format!(
                "trailer: tells of {events} events up to revision {revision}, but {counted} came, up to {reached}: copy or \
                 export it again"
            ));
        }
        for (field, told, found) in [
            ("events", self.header.events, counted),
            ("revision", self.header.revision, reached),
        ] {
            if told != 0 && told != found {
                return Err(format!(
                    "header.{field}: told {told}, but it was {found}: copy or export it again"
                ));
            }
        }
        if checksum != self.checksum.value() {
            return Err(format!(
                "trailer.checksum: is {checksum:016x}, but the events came to {:016x}: copy or export it again",
                self.checksum.value()
            ));
        }
        Ok(())
    }

    fn finish(mut self, record: u64) -> Result<(), Stop> {
        self.hand_over()?;
        let organization = std::mem::replace(&mut self.replay, Replay::new(self.id.clone()))
            .finish()
            .map_err(|error| refused(record, error))?;
        for blocker in organization.blockers() {
            self.rows.add_blocker(blocker).map_err(ImportError::Store)?;
            if self.rows.bytes() >= CHUNK {
                self.hand_over()?;
            }
        }
        for meeting in organization.meetings() {
            self.rows.add_meeting(meeting).map_err(ImportError::Store)?;
        }
        self.hand_over()?;
        ask(self.steps, |reply| Step::Commit {
            organization: Box::new(organization),
            events: self.progress.events,
            reply,
        })
    }
}

/// Asks the writing half and waits for its answer.
fn ask<T>(
    steps: &mpsc::Sender<Step>,
    step: impl FnOnce(oneshot::Sender<T>) -> Step,
) -> Result<T, Stop> {
    let (reply, answer) = oneshot::channel();
    steps
        .blocking_send(step(reply))
        .map_err(|_| Stop::Abandoned)?;
    answer.blocking_recv().map_err(|_| Stop::Abandoned)
}
