//! Event streams, as `echelond export` writes them.

use anyhow::{Context as _, Result};
use echelon_api::v1::{self, stream_record::Record};
use prost::Message as _;

/// The events of a stream, in order.
///
/// # Errors
/// If it is none.
pub(super) fn events(mut bytes: &[u8]) -> Result<Vec<v1::Event>> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let record = v1::StreamRecord::decode_length_delimited(&mut bytes);
        let record = record.context("an exported log is no event stream")?;
        match record.record {
            Some(Record::Event(event)) => events.push(event),
            Some(Record::Header(_) | Record::Trailer(_)) | None => {}
        }
    }
    Ok(events)
}
