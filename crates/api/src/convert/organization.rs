//! Organizations.

use echelon_domain::{
    Error, FieldError, InvalidReason, NodeId, Organization, OrganizationId,
    node::Level,
    plan::{Declaration, NodeDeclaration, PlanKind, PlannedChange},
    profile::{Profile, Settings, SettingsPatch},
};

use super::{
    etag, name, node, non_empty,
    time::{duration, parse_optional_duration, timestamp},
};
use crate::v1;

/// Most faults told of one document.
const FAULTS_MAX: usize = 100;

/// An organization as the API has it.
#[must_use]
pub fn to_proto(id: &OrganizationId, profile: &Profile) -> v1::Organization {
    let Profile {
        display_name,
        root,
        settings,
        created_at,
        updated_at,
        revision,
    } = profile;
    let Settings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = settings;
    v1::Organization {
        name: name::organization(id),
        display_name: display_name.clone(),
        root_node: name::node(id, root),
        settings: Some(v1::OrganizationSettings {
            aged_after: Some(duration(*aged_after)),
            due_soon_within: Some(duration(*due_soon_within)),
            acknowledgement_expiry: Some(duration(*acknowledgement_expiry)),
            hold_limit: Some(duration(*hold_limit)),
        }),
        etag: etag(*revision),
        create_time: Some(timestamp(*created_at)),
        update_time: Some(timestamp(*updated_at)),
    }
}

/// The organization of a snapshot. Errors: [`Error::NotFound`] before it is created.
pub fn of_snapshot(organization: &Organization) -> Result<v1::Organization, Error> {
    Ok(to_proto(organization.id(), organization.profile()?))
}

/// Reads the settings given in `field`. Errors: [`Error::Invalid`].
pub fn parse_settings(
    field: &str,
    settings: Option<&v1::OrganizationSettings>,
) -> Result<SettingsPatch, Error> {
    let Some(v1::OrganizationSettings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    }) = settings
    else {
        return Ok(SettingsPatch::default());
    };
    let parse = |name: &str, span: &Option<prost_types::Duration>| {
        parse_optional_duration(&format!("{field}.{name}"), span.as_ref())
    };
    Ok(SettingsPatch {
        aged_after: parse("aged_after", aged_after)?,
        due_soon_within: parse("due_soon_within", due_soon_within)?,
        acknowledgement_expiry: parse("acknowledgement_expiry", acknowledgement_expiry)?,
        hold_limit: parse("hold_limit", hold_limit)?,
    })
}

/// Reads a declared document. Errors: [`Error::Invalid`] with every field that is malformed.
pub fn parse_declaration(request: &v1::ApplyOrganizationRequest) -> Result<Declaration, Error> {
    let v1::ApplyOrganizationRequest {
        name: _,
        display_name,
        settings,
        nodes,
        validate_only: _,
        request_id: _,
    } = request;
    let mut faults = Vec::new();
    let settings = keep(&mut faults, parse_settings("settings", settings.as_ref()));
    let nodes: Vec<NodeDeclaration> = nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| parse_node(&mut faults, &format!("nodes[{index}]"), node))
        .collect();
    match settings {
        Some(settings) if faults.is_empty() => Ok(Declaration {
            display_name: non_empty(display_name).map(str::to_owned),
            settings,
            nodes,
        }),
        _ => {
            faults.truncate(FAULTS_MAX);
            Err(Error::Invalid {
                reason: InvalidReason::Field,
                fields: faults,
            })
        }
    }
}

fn parse_node(
    faults: &mut Vec<FieldError>,
    field: &str,
    declared: &v1::NodeDeclaration,
) -> Option<NodeDeclaration> {
    let v1::NodeDeclaration {
        id,
        parent,
        level,
        display_name,
        representatives,
    } = declared;
    let id = keep(faults, NodeId::new(&format!("{field}.id"), id));
    let parent = match non_empty(parent) {
        None => Some(None),
        Some(parent) => keep(faults, NodeId::new(&format!("{field}.parent"), parent)).map(Some),
    };
    let level = keep(faults, Level::new(&format!("{field}.level"), level));
    let representatives = keep(
        faults,
        node::parse_representatives(&format!("{field}.representatives"), representatives),
    );
    Some(NodeDeclaration {
        id: id?,
        parent: parent?,
        level: level?,
        display_name: non_empty(display_name).map(str::to_owned),
        representatives: representatives?,
    })
}

/// The value, or its faults beside the others.
fn keep<T>(faults: &mut Vec<FieldError>, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Invalid { reason: _, fields }) => {
            faults.extend(fields);
            None
        }
        // Conversions make no other errors; if one did, it must not pass for success.
        Err(error) => {
            faults.push(FieldError::new("nodes", error.to_string()));
            None
        }
    }
}

/// One planned change as the API has it.
#[must_use]
pub fn planned_change(id: &OrganizationId, change: &PlannedChange) -> v1::PlannedChange {
    use v1::planned_change::Kind;
    let PlannedChange { kind, node, detail } = change;
    let kind = match kind {
        PlanKind::Created => Kind::Created,
        PlanKind::Moved => Kind::Moved,
        PlanKind::Updated => Kind::Updated,
        PlanKind::Archived => Kind::Archived,
        PlanKind::Restored => Kind::Restored,
        PlanKind::OrganizationCreated => Kind::OrganizationCreated,
        PlanKind::OrganizationUpdated => Kind::OrganizationUpdated,
    };
    v1::PlannedChange {
        kind: kind.into(),
        name: match node {
            Some(node) => name::node(id, node),
            None => name::organization(id),
        },
        detail: detail.clone(),
    }
}
