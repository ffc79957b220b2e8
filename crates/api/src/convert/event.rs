//! Events. What the API shows is what the log holds: one message serves both, and reads back exactly (E9).

mod blocker;
mod counters;
mod foreign;
mod meeting;
mod node;
mod organization;
mod policy;

use echelon_domain::{
    Error, NodeId, OrganizationId,
    event::{Event, Payload},
};
use prost::Message as _;

use super::{
    name,
    time::{parse_timestamp, timestamp},
};
use crate::v1::{self, event::Payload as Record};

/// An event as the log and the API have it.
#[must_use]
pub fn to_record(id: &OrganizationId, event: &Event) -> v1::Event {
    let Event {
        revision,
        index,
        at,
        actor,
        nodes,
        payload,
    } = event;
    let blocker = payload
        .blocker()
        .map_or_else(String::new, |number| name::blocker(id, number));
    let payload = match payload {
        Payload::OrganizationCreated(profile) => {
            Record::OrganizationCreated(organization::to_record(profile))
        }
        Payload::OrganizationUpdated(profile) => {
            Record::OrganizationUpdated(organization::to_record(profile))
        }
        Payload::NodeCreated(node) => Record::NodeCreated(node::to_record(node, None)),
        Payload::NodeUpdated(node) => Record::NodeUpdated(node::to_record(node, None)),
        Payload::NodeMoved { node, from } => Record::NodeMoved(node::to_record(node, Some(from))),
        Payload::NodeArchived(node) => Record::NodeArchived(node::to_record(node, None)),
        Payload::NodeRestored(node) => Record::NodeRestored(node::to_record(node, None)),
        Payload::PolicyCreated { policy, version } => {
            Record::PolicyCreated(policy::to_record(policy, version))
        }
        Payload::PolicyUpdated { policy, version } => {
            Record::PolicyUpdated(policy::to_record(policy, version))
        }
        Payload::BlockerChanged(change) => Record::BlockerChanged(blocker::to_record(id, change)),
        Payload::MeetingOpened(meeting) => Record::MeetingOpened(meeting::to_record(id, meeting)),
        Payload::CheckInSubmitted { meeting, check_in } => {
            Record::CheckInSubmitted(meeting::check_in_to_record(*meeting, check_in))
        }
        Payload::MeetingClosed(meeting) => Record::MeetingClosed(meeting::to_record(id, meeting)),
        Payload::CountersRepaired(repaired) => {
            Record::CountersRepaired(counters::to_record(repaired))
        }
    };
    v1::Event {
        organization: name::organization(id),
        revision: *revision,
        index: *index,
        time: Some(timestamp(*at)),
        actor: actor.clone().unwrap_or_default(),
        nodes: nodes.iter().map(|node| name::node(id, node)).collect(),
        blocker,
        payload: Some(payload),
    }
}

/// Reads the bytes of an event back. Errors: [`Error::Internal`] if the log is damaged, [`Error::Unavailable`] if it holds
/// what this version does not know: another server may, and to fold it without would lose it.
pub fn from_record(bytes: &[u8]) -> Result<Event, Error> {
    let record = decode(bytes)?;
    let (revision, index) = (record.revision, record.index);
    let is_known = is_known(&record, bytes);
    let nodes = record
        .nodes
        .iter()
        .map(|node| name::parse_node("nodes", node));
    let nodes: Result<Vec<NodeId>, Error> = nodes.map(|node| Ok(node?.1)).collect();
    let event = nodes.and_then(|nodes| read(record, nodes));
    match event {
        Ok(event) if is_known => Ok(event),
        Ok(_) => Err(not_known(revision, index, "it has more fields")),
        Err(error) => Err(not_known(revision, index, &error.to_string())),
    }
}

/// Whether a record has no field that is unknown here, at any depth: what is unknown was not kept.
fn is_known(record: &v1::Event, bytes: &[u8]) -> bool {
    record.encoded_len() == bytes.len()
}

fn not_known(revision: i64, index: i32, why: &str) -> Error {
    Error::Unavailable {
        message: format!(
            "event {revision}/{index} of the log cannot be read by this version ({why}): ask another server, upgrade this one, or restore the log if nothing newer has written to it"
        ),
    }
}

/// Reads the bytes of an event that somebody else wrote, and that must be of this organization in every name.
/// Errors: [`Error::Invalid`] names the field.
pub fn from_foreign(id: &OrganizationId, bytes: &[u8]) -> Result<Event, Error> {
    let record = v1::Event::decode(bytes)
        .map_err(|error| Error::field("event", format!("is no echelon.v1.Event: {error}")))?;
    if !is_known(&record, bytes) {
        return Err(Error::field(
            "event",
            "has fields that this version does not know, or knows in a shorter form: use the version that wrote it",
        ));
    }
    let nodes = foreign::nodes(id, &record)?;
    read(record, nodes)
}

/// Reads the bytes of an event as the API shows it. Errors: [`Error::Internal`] if the log is damaged.
pub fn decode(bytes: &[u8]) -> Result<v1::Event, Error> {
    v1::Event::decode(bytes)
        .map_err(|error| Error::internal(format!("an event of the log is damaged: {error}")))
}

/// Reads a record whose nodes are read already.
fn read(record: v1::Event, nodes: Vec<NodeId>) -> Result<Event, Error> {
    let v1::Event {
        organization: _,
        revision,
        index,
        time,
        actor,
        nodes: _,
        blocker: _,
        payload,
    } = record;
    let payload = match payload.ok_or_else(|| missing("payload"))? {
        Record::OrganizationCreated(record) => {
            Payload::OrganizationCreated(organization::from_record(&record)?)
        }
        Record::OrganizationUpdated(record) => {
            Payload::OrganizationUpdated(organization::from_record(&record)?)
        }
        Record::NodeCreated(record) => Payload::NodeCreated(node::from_record(&record)?.0),
        Record::NodeUpdated(record) => Payload::NodeUpdated(node::from_record(&record)?.0),
        Record::NodeMoved(record) => {
            let (node, from) = node::from_record(&record)?;
            let from = from.ok_or_else(|| missing("node.previous_parent"))?;
            Payload::NodeMoved { node, from }
        }
        Record::NodeArchived(record) => Payload::NodeArchived(node::from_record(&record)?.0),
        Record::NodeRestored(record) => Payload::NodeRestored(node::from_record(&record)?.0),
        Record::PolicyCreated(record) => {
            let (policy, version) = policy::from_record(&record)?;
            Payload::PolicyCreated { policy, version }
        }
        Record::PolicyUpdated(record) => {
            let (policy, version) = policy::from_record(&record)?;
            Payload::PolicyUpdated { policy, version }
        }
        Record::BlockerChanged(record) => {
            Payload::BlockerChanged(Box::new(blocker::from_record(record)?))
        }
        Record::MeetingOpened(record) => Payload::MeetingOpened(meeting::from_record(&record)?),
        Record::CheckInSubmitted(record) => {
            let (meeting, check_in) = meeting::check_in_from_record(&record)?;
            Payload::CheckInSubmitted { meeting, check_in }
        }
        Record::MeetingClosed(record) => Payload::MeetingClosed(meeting::from_record(&record)?),
        Record::CountersRepaired(record) => {
            Payload::CountersRepaired(counters::from_record(&record)?)
        }
    };
    Ok(Event {
        revision,
        index,
        at: parse_timestamp("time", time.as_ref().ok_or_else(|| missing("time"))?)?,
        actor: Some(actor).filter(|actor| !actor.is_empty()),
        nodes,
        payload,
    })
}

fn missing(field: &str) -> Error {
    Error::field(field, "is missing")
}

/// The variant with this name. Errors: [`Error::Invalid`].
fn by_name<T: Copy>(
    field: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
    name: &str,
) -> Result<T, Error> {
    all.iter()
        .copied()
        .find(|variant| name_of(*variant) == name)
        .ok_or_else(|| Error::field(field, format!("has the unknown value `{name}`")))
}
