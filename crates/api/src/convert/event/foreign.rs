//! Names in an event that somebody else wrote: what is read back keeps ids alone, so a wrong organization in a name
//! would go unseen into the feed, which shows the bytes as they are.

use echelon_domain::{BlockerNumber, Error, NodeId, OrganizationId};

use crate::{
    convert::{name, non_empty},
    v1::{self, event::Payload as Record},
};

/// The nodes of an event. Errors: [`Error::Invalid`] unless every name in the event is of this organization, and
/// `blocker` names what the payload is about.
pub(super) fn nodes(id: &OrganizationId, record: &v1::Event) -> Result<Vec<NodeId>, Error> {
    let wanted = name::organization(id);
    if record.organization != wanted {
        return Err(foreign("organization", &record.organization, &wanted));
    }
    let within = |field: &str, text: &str| match rest(text, &wanted) {
        Some(_) => Ok(()),
        None => Err(foreign(field, text, &wanted)),
    };
    match &record.payload {
        Some(Record::BlockerChanged(change)) => {
            let blocker = name::blocker(id, BlockerNumber::new(change.number));
            check_blocker(record, &blocker)?;
            if let Some(moved) = &change.r#move {
                check_move(moved, within)?;
            }
        }
        Some(Record::MeetingOpened(meeting) | Record::MeetingClosed(meeting)) => {
            check_blocker(record, "")?;
            for moved in meeting.fates.iter().filter_map(|fate| fate.r#move.as_ref()) {
                check_move(moved, within)?;
            }
        }
        // Their records hold ids alone.
        Some(
            Record::OrganizationCreated(_)
            | Record::OrganizationUpdated(_)
            | Record::NodeCreated(_)
            | Record::NodeUpdated(_)
            | Record::NodeMoved(_)
            | Record::NodeArchived(_)
            | Record::NodeRestored(_)
            | Record::PolicyCreated(_)
            | Record::PolicyUpdated(_)
            | Record::CheckInSubmitted(_)
            | Record::CountersRepaired(_),
        ) => check_blocker(record, "")?,
        // That is refused when it is read.
        None => {}
    }
    let mut nodes = Vec::with_capacity(record.nodes.len());
    for node in &record.nodes {
        let rest = rest(node, &wanted).ok_or_else(|| foreign("nodes", node, &wanted))?;
        nodes.push(match rest.strip_prefix("nodes/") {
            Some(node) => NodeId::new("nodes", node)?,
            // It says what is wrong.
            None => name::parse_node("nodes", node)?.1,
        });
    }
    Ok(nodes)
}

/// What follows the name of the organization and a slash.
fn rest<'a>(text: &'a str, organization: &str) -> Option<&'a str> {
    text.strip_prefix(organization)?.strip_prefix('/')
}

fn check_blocker(record: &v1::Event, wanted: &str) -> Result<(), Error> {
    if record.blocker == wanted {
        return Ok(());
    }
    let fault = match wanted {
        "" => "must be empty: the payload is about no blocker".to_owned(),
        wanted => format!("must be `{wanted}`, the blocker that the payload is about"),
    };
    Err(Error::field("blocker", fault))
}

fn check_move(
    moved: &v1::Move,
    within: impl Fn(&str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    within("move.from", &moved.from)?;
    within("move.to", &moved.to)?;
    match non_empty(&moved.policy_version) {
        Some(version) => within("move.policy_version", version),
        None => Ok(()),
    }
}

fn foreign(field: &str, found: &str, wanted: &str) -> Error {
    let shown: String = found.chars().take(120).collect();
    Error::field(
        field,
        format!(
            "is `{shown}`, not of `{wanted}`: write one organization between header and trailer"
        ),
    )
}
