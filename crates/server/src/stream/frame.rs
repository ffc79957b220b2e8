//! Records in bytes: each with its length before it as a varint. An event keeps its bytes as they are; no message is
//! decoded to copy it.

use std::io::{self, BufRead, Read as _};

use echelon_api::v1::{StreamHeader, StreamTrailer};
use prost::{
    Message as _,
    encoding::{
        WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len,
    },
};

/// The longest record that is read: more than any event has, and no more than a machine can hold.
const RECORD_MAX: u64 = 64 << 20;
/// The longest varint.
const VARINT_MAX: usize = 10;

/// Fields of `StreamRecord`.
const HEADER: u32 = 1;
const EVENT: u32 = 2;
const TRAILER: u32 = 3;

/// Appends a record that begins an organization.
pub fn write_header(header: &StreamHeader, out: &mut Vec<u8>) {
    write_record(HEADER, &header.encode_to_vec(), out);
}

/// Appends a record that holds an event, by its bytes.
pub fn write_event(event: &[u8], out: &mut Vec<u8>) {
    write_record(EVENT, event, out);
}

/// Appends a record that ends an organization.
pub fn write_trailer(trailer: &StreamTrailer, out: &mut Vec<u8>) {
    write_record(TRAILER, &trailer.encode_to_vec(), out);
}

fn write_record(field: u32, message: &[u8], out: &mut Vec<u8>) {
    let length = message.len() as u64;
    let record = key_len(field) + encoded_len_varint(length) + message.len();
    encode_varint(record as u64, out);
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(length, out);
    out.extend_from_slice(message);
}

/// One record of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// Begins an organization.
    Header(StreamHeader),
    /// The bytes of an event.
    Event(&'a [u8]),
    /// Ends an organization.
    Trailer(StreamTrailer),
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The source fails.
    #[error("cannot read the stream: {0}")]
    Io(#[from] io::Error),
    /// The stream ends within a record.
    #[error("the stream ends in the middle of it: copy or export it again")]
    Truncated,
    /// It is no record.
    #[error("{0}: check that this is a stream that `echelond export` wrote")]
    Malformed(String),
}

/// Reads records, one after the other. What it holds in memory is one record.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    record: Vec<u8>,
}

impl<R: BufRead> FrameReader<R> {
    /// A reader at the start of a stream.
    pub const fn new(source: R) -> Self {
        Self {
            source,
            record: Vec::new(),
        }
    }

    /// The next record; none at the end of the stream. Errors: it must not be read on then.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, FrameError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if length > RECORD_MAX {
            return Err(FrameError::Malformed(format!(
                "it claims {length} bytes, more than the {RECORD_MAX} of the longest record"
            )));
        }
        self.record.clear();
        // Memory is taken for what comes, not for what is claimed.
        let mut claimed = self.source.by_ref().take(length);
        if claimed.read_to_end(&mut self.record)? as u64 != length {
            return Err(FrameError::Truncated);
        }
        parse(&self.record).map(Some)
    }

    /// The length of the next record; none at the end.
    fn length(&mut self) -> Result<Option<u64>, FrameError> {
        let mut varint = [0; VARINT_MAX];
        for at in 0..VARINT_MAX {
            let mut byte = [0];
            match self.source.read_exact(&mut byte) {
                Ok(()) => varint[at] = byte[0],
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return if at == 0 {
                        Ok(None)
                    } else {
                        Err(FrameError::Truncated)
                    };
                }
                Err(error) => return Err(error.into()),
            }
            if byte[0] < 0x80 {
                return decode_varint(&mut &varint[..=at])
                    .map(Some)
                    .map_err(|error| {
                        FrameError::Malformed(format!("its length is none: {error}"))
                    });
            }
        }
        Err(FrameError::Malformed("its length is no varint".to_owned()))
    }
}

fn parse(record: &[u8]) -> Result<Record<'_>, FrameError> {
    let broken =
        |error: prost::DecodeError| FrameError::Malformed(format!("it is no record: {error}"));
    let mut rest = record;
    let (field, wire_type) = decode_key(&mut rest).map_err(broken)?;
    let length = decode_varint(&mut rest).map_err(broken)?;
    if wire_type != WireType::LengthDelimited || length != rest.len() as u64 {
        return Err(FrameError::Malformed(
            "it is not exactly one header, event or trailer".to_owned(),
        ));
    }
    match field {
        HEADER => StreamHeader::decode(rest)
            .map(Record::Header)
            .map_err(broken),
        EVENT => Ok(Record::Event(rest)),
        TRAILER => StreamTrailer::decode(rest)
            .map(Record::Trailer)
            .map_err(broken),
        other => Err(FrameError::Malformed(format!(
            "it is neither header, event nor trailer but {other}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use echelon_api::v1::{Event, StreamRecord, stream_record};

    fn header() -> StreamHeader {
        StreamHeader {
            format: 1,
            organization: "organizations/acme".to_owned(),
            revision: 7,
            events: 9,
            export_time: None,
        }
    }

    fn refused(bytes: &[u8]) -> FrameError {
        let mut reader = FrameReader::new(bytes);
        loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{bytes:?} is read to its end"),
                Err(error) => return error,
            }
        }
    }

    #[test]
    fn a_record_is_what_the_generated_code_writes() {
        let event = Event {
            organization: "organizations/acme".to_owned(),
            revision: 3,
            ..Event::default()
        };
        let trailer = StreamTrailer {
            events: 1,
            revision: 3,
            checksum: u64::MAX,
        };
        let mut written = Vec::new();
        write_header(&header(), &mut written);
        write_event(&event.encode_to_vec(), &mut written);
        write_trailer(&trailer, &mut written);
        let mut generated = Vec::new();
        for record in [
            stream_record::Record::Header(header()),
            stream_record::Record::Event(event.clone()),
            stream_record::Record::Trailer(trailer),
        ] {
            let record = StreamRecord {
                record: Some(record),
            };
            generated.extend(record.encode_length_delimited_to_vec());
        }
        assert_eq!(written, generated);
        let mut reader = FrameReader::new(written.as_slice());
        assert_eq!(
            reader.next_record().unwrap(),
            Some(Record::Header(header()))
        );
        let bytes = event.encode_to_vec();
        assert_eq!(reader.next_record().unwrap(), Some(Record::Event(&bytes)));
        assert_eq!(
            reader.next_record().unwrap(),
            Some(Record::Trailer(trailer))
        );
        assert_eq!(reader.next_record().unwrap(), None);
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_within_a_record_is_truncated() {
        let mut whole = Vec::new();
        write_event(&[7; 300], &mut whole);
        for end in 1..whole.len() {
            let error = refused(&whole[..end]);
            assert!(matches!(error, FrameError::Truncated), "{end}: {error}");
        }
    }

    #[test]
    fn a_claim_takes_no_memory() {
        let mut claim = Vec::new();
        encode_varint(RECORD_MAX, &mut claim);
        let mut reader = FrameReader::new(claim.as_slice());
        assert!(matches!(reader.next_record(), Err(FrameError::Truncated)));
        assert!(reader.record.capacity() < 1 << 20);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let mut too_long = Vec::new();
        encode_varint(RECORD_MAX + 1, &mut too_long);
        for (bytes, reason) in [
            (&too_long[..], "more than the"),
            (&[0xff; 11], "no varint"),
            (&[0], "no record"),
            (&[2, 0x08, 0x01], "exactly one"),
            (&[3, 0x12, 0x00, 0x00], "exactly one"),
            (&[2, 0x22, 0x00], "neither"),
            (&[3, 0x0a, 0x01, 0xff], "no record"),
        ] {
            let error = refused(bytes).to_string();
            assert!(error.contains(reason), "{bytes:?}: {error}");
        }
    }
}
