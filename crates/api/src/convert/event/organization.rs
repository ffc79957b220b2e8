//! Records of the organization itself.

use echelon_domain::{
    Error, NodeId, Timestamp,
    profile::{Profile, Settings},
};

use super::missing;
use crate::{
    convert::time::{duration, parse_duration},
    v1,
};

pub(super) fn to_record(profile: &Profile) -> v1::OrganizationRecord {
    let Profile {
        display_name,
        root,
        settings,
        // The event has them.
        created_at: _,
        updated_at: _,
        revision: _,
    } = profile;
    let Settings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = settings;
    v1::OrganizationRecord {
        display_name: display_name.clone(),
        root: root.to_string(),
        aged_after: Some(duration(*aged_after)),
        due_soon_within: Some(duration(*due_soon_within)),
        acknowledgement_expiry: Some(duration(*acknowledgement_expiry)),
        hold_limit: Some(duration(*hold_limit)),
    }
}

pub(super) fn from_record(record: &v1::OrganizationRecord) -> Result<Profile, Error> {
    let v1::OrganizationRecord {
        display_name,
        root,
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = record;
    let span = |field: &str, span: &Option<prost_types::Duration>| {
        parse_duration(field, span.as_ref().ok_or_else(|| missing(field))?)
    };
    Ok(Profile {
        display_name: display_name.clone(),
        root: NodeId::new("root", root)?,
        settings: Settings {
            aged_after: span("aged_after", aged_after)?,
            due_soon_within: span("due_soon_within", due_soon_within)?,
            acknowledgement_expiry: span("acknowledgement_expiry", acknowledgement_expiry)?,
            hold_limit: span("hold_limit", hold_limit)?,
        },
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MIN,
        revision: 0,
    })
}
