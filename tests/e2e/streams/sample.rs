//! A stream that tests write themselves, as somebody would who brings an organization in from elsewhere.

use std::hash::Hasher as _;

use echelon_api::{
    convert::time::{parse_timestamp, timestamp},
    v1::{
        self, BlockerChange, BlockerState, EscalationState, Severity, StreamHeader, StreamTrailer,
        event::Payload,
    },
};
use echelon_server::stream::{FrameReader, Record, write_event, write_header, write_trailer};
use echelon_testkit::{TestDatabase, TestServer};
use prost::Message as _;
use tokio::sync::OnceCell;

use super::{acme, export};
use crate::support::{HOUR, Org, sample::NODES};

/// Header, events and trailer, to be changed before they are written.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) header: Option<StreamHeader>,
    pub(crate) events: Vec<v1::Event>,
    pub(crate) trailer: Option<StreamTrailer>,
}

/// What is told of counts is found by [`Stream::bytes`], unless a test has set it.
const UNSET: i64 = -1;

impl Stream {
    /// The sample organization without a blocker.
    pub(crate) async fn sample() -> Self {
        static SAMPLE: OnceCell<Vec<v1::Event>> = OnceCell::const_new();
        let events = SAMPLE.get_or_init(|| async {
            let database = TestDatabase::sqlite().await;
            let server = TestServer::start(&database).await;
            Org::set_up(&server).await;
            server.stop().await;
            events(&export(&database, &acme()).await)
        });
        Self {
            header: Some(StreamHeader {
                format: 1,
                organization: "organizations/acme".to_owned(),
                ..StreamHeader::default()
            }),
            events: events.await.clone(),
            trailer: Some(StreamTrailer {
                events: UNSET,
                revision: UNSET,
                checksum: 0,
            }),
        }
    }

    /// The sample organization with this many imported blockers, an open one after each closed one.
    pub(crate) async fn with_blockers(count: i64) -> Self {
        let mut stream = Self::sample().await;
        for number in 1..=count {
            let state = if number % 2 == 0 {
                BlockerState::Raised
            } else {
                BlockerState::Verified
            };
            stream.add(number, state);
        }
        stream
    }

    /// Adds an imported blocker of `team-1` in a revision of its own.
    pub(crate) fn add(&mut self, number: i64, state: BlockerState) -> &mut v1::BlockerRecord {
        let last = self.events.last().expect("the organization is there");
        let revision = last.revision + 1;
        let now = parse_timestamp("time", last.time.as_ref().expect("an event has a time"));
        let now = Some(timestamp(now.expect("it is in range").plus(HOUR)));
        let closed = state == BlockerState::Verified;
        let record = v1::BlockerRecord {
            change: BlockerChange::Imported.into(),
            number,
            content: Some(v1::BlockerContentRecord {
                origin: "team-1".to_owned(),
                title: format!("number {number} of the old tracker"),
                severity: Severity::High.into(),
                blocked_nodes: vec!["team-1".to_owned()],
                dedupe_key: format!("key-{number}"),
                raise_time: now,
                ..v1::BlockerContentRecord::default()
            }),
            status: Some(v1::BlockerStatusRecord {
                state: state.into(),
                escalation_state: if closed {
                    EscalationState::Unspecified.into()
                } else {
                    EscalationState::WaitingForMeeting.into()
                },
                holder: "team-1".to_owned(),
                arrival: "raised".to_owned(),
                episode: 1,
                policy: "default".to_owned(),
                policy_version: 1,
                episode_time: now,
                level_enter_time: now,
                progress_time: now,
                close_time: now.filter(|_| closed),
                ..v1::BlockerStatusRecord::default()
            }),
            ..v1::BlockerRecord::default()
        };
        self.events.push(v1::Event {
            organization: "organizations/acme".to_owned(),
            revision,
            time: now,
            nodes: path("team-1"),
            blocker: format!("organizations/acme/blockers/B-{number}"),
            payload: Some(Payload::BlockerChanged(record)),
            ..v1::Event::default()
        });
        self.record(0)
    }

    /// The record of the last blocker but `before`.
    pub(crate) fn record(&mut self, before: usize) -> &mut v1::BlockerRecord {
        match self.event(before).payload.as_mut() {
            Some(Payload::BlockerChanged(record)) => record,
            other => panic!("{other:?} is about no blocker"),
        }
    }

    /// The last event but `before`.
    pub(crate) fn event(&mut self, before: usize) -> &mut v1::Event {
        let at = self.events.len() - 1 - before;
        &mut self.events[at]
    }

    /// The bytes of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(header) = &self.header {
            write_header(header, &mut out);
        }
        let mut checksum = Fnv::default();
        for event in &self.events {
            let bytes = event.encode_to_vec();
            checksum.write(&bytes);
            write_event(&bytes, &mut out);
        }
        if let Some(told) = &self.trailer {
            let or = |told: i64, found: i64| if told == UNSET { found } else { told };
            let count = i64::try_from(self.events.len()).expect("it is small");
            let revision = self.events.last().map_or(0, |event| event.revision);
            let trailer = StreamTrailer {
                events: or(told.events, count),
                revision: or(told.revision, revision),
                checksum: told.checksum ^ checksum.finish(),
            };
            write_trailer(&trailer, &mut out);
        }
        out
    }
}

/// The checksum, written anew from its definition.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The names of a node and of all above it.
pub(crate) fn path(node: &str) -> Vec<String> {
    let mut path = Vec::new();
    let mut next = node;
    while !next.is_empty() {
        path.push(format!("organizations/acme/nodes/{next}"));
        let found = NODES.iter().find(|(id, ..)| *id == next);
        next = found.expect("it is a node of the sample").1;
    }
    path
}

/// The events of a stream.
pub(crate) fn events(bytes: &[u8]) -> Vec<v1::Event> {
    let mut reader = FrameReader::new(bytes);
    let mut events = Vec::new();
    while let Some(record) = reader.next_record().expect("the stream is whole") {
        if let Record::Event(event) = record {
            events.push(v1::Event::decode(event).expect("it is an event"));
        }
    }
    events
}
