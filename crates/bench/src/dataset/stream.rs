//! The event stream: records with their length before them, a header, the events, a trailer.

use std::{
    fs::File,
    hash::Hasher as _,
    io::{BufWriter, Write as _},
};

use anyhow::Result;
use echelon_api::{
    convert::{event::to_record, name},
    v1::{StreamHeader, StreamRecord, StreamTrailer, stream_record::Record},
};
use echelon_domain::{OrganizationId, event::Event};
use fnv::FnvHasher;
use prost::Message as _;

/// Version of the format.
const FORMAT: i32 = 1;
/// How much is written at once.
const BUFFER: usize = 1024 * 1024;

/// Writes one organization.
pub(super) struct StreamWriter {
    file: BufWriter<File>,
    organization: OrganizationId,
    checksum: FnvHasher,
    events: i64,
    revision: i64,
    bytes: u64,
    scratch: Vec<u8>,
}

impl StreamWriter {
    /// Begins with the header. How much follows is not known yet.
    pub(super) fn begin(file: File, organization: &OrganizationId) -> Result<Self> {
        let mut stream = Self {
            file: BufWriter::with_capacity(BUFFER, file),
            organization: organization.clone(),
            checksum: FnvHasher::default(),
            events: 0,
            revision: 0,
            bytes: 0,
            scratch: Vec::new(),
        };
        stream.record(Record::Header(StreamHeader {
            format: FORMAT,
            organization: name::organization(organization),
            revision: 0,
            events: 0,
            export_time: None,
        }))?;
        Ok(stream)
    }

    /// Adds the next event.
    pub(super) fn event(&mut self, event: &Event) -> Result<()> {
        let message = to_record(&self.organization, event);
        self.checksum.write(&message.encode_to_vec());
        self.events += 1;
        self.revision = event.revision;
        self.record(Record::Event(message))
    }

    /// Ends with the trailer, and tells how many bytes there are.
    pub(super) fn end(mut self) -> Result<u64> {
        self.record(Record::Trailer(StreamTrailer {
            events: self.events,
            revision: self.revision,
            checksum: self.checksum.finish(),
        }))?;
        self.file.flush()?;
        Ok(self.bytes)
    }

    fn record(&mut self, record: Record) -> Result<()> {
        self.scratch.clear();
        let record = StreamRecord {
            record: Some(record),
        };
        record.encode_length_delimited(&mut self.scratch)?;
        self.file.write_all(&self.scratch)?;
        self.bytes += self.scratch.len() as u64;
        Ok(())
    }
}
