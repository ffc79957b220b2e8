//! Names in an event that somebody else wrote: what is read back keeps ids alone, so a wrong organization in a name
//! would go unseen into the feed, which shows the bytes as they are.

use echelon_domain::{Error, OrganizationId, event::Event};

use crate::{
    convert::{name, non_empty},
    v1::{self, event::Payload as Record},
};

/// Checks that every name is of this organization, and that `blocker` names what the payload is about.
pub(super) fn check_names(
    id: &OrganizationId,
    record: &v1::Event,
    event: &Event,
) -> Result<(), Error> {
    let wanted = name::organization(id);
    if record.organization != wanted {
        return Err(foreign("organization", &record.organization, &wanted));
    }
    let within = |field: &str, text: &str| {
        let rest = text.strip_prefix(wanted.as_str());
        match rest {
            Some(rest) if rest.starts_with('/') => Ok(()),
            _ => Err(foreign(field, text, &wanted)),
        }
    };
    for node in &record.nodes {
        within("nodes", node)?;
    }
    let blocker = event.payload.blocker();
    let blocker = blocker.map_or_else(String::new, |number| name::blocker(id, number));
    if record.blocker != blocker {
        return Err(Error::field(
            "blocker",
            format!("must be `{blocker}`, the blocker that the payload is about"),
        ));
    }
    let check_move = |moved: &v1::Move| {
        within("move.from", &moved.from)?;
        within("move.to", &moved.to)?;
        match non_empty(&moved.policy_version) {
            Some(version) => within("move.policy_version", version),
            None => Ok(()),
        }
    };
    match &record.payload {
        Some(Record::BlockerChanged(change)) => change.r#move.as_ref().map_or(Ok(()), check_move),
        Some(Record::MeetingOpened(meeting) | Record::MeetingClosed(meeting)) => meeting
            .fates
            .iter()
            .filter_map(|fate| fate.r#move.as_ref())
            .try_for_each(check_move),
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
            | Record::CheckInSubmitted(_),
        )
        | None => Ok(()),
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
