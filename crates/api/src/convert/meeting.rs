//! Meetings, check-ins, fates and agendas.

use std::collections::BTreeMap;

use echelon_domain::{
    BlockerNumber, Error, NodeId, Organization, OrganizationId,
    agenda::{Agenda, Item, OneSidedClaim, Section, Side},
    blocker::Content,
    command::{NamedBlocker, NewBlocker, NewCheckIn},
    meeting::{BlockingClaim, CheckIn, Fate, FateKind, Meeting},
};

use super::{
    blocker, moved, name, non_empty,
    time::{optional_timestamp, timestamp},
};
use crate::v1;

/// Most fates of a meeting, and most claims of an agenda, in one answer: clients take messages of a few MiB.
const ENTRIES_MAX: usize = 1_000;

/// One page of an agenda.
#[derive(Clone, Debug, PartialEq)]
pub struct AgendaPage {
    /// The agenda, with the items of this page.
    pub agenda: Agenda,
    /// How many items there are on all pages together.
    pub total_items: usize,
    /// Token of the next page; empty on the last.
    pub next_page_token: String,
}

/// A meeting as the API has it, with as many fates as an answer has room for. What is at hand of the blockers that check-ins name is told with them.
#[must_use]
pub fn to_proto(organization: &Organization, meeting: &Meeting) -> v1::Meeting {
    let Meeting {
        number,
        node,
        title,
        opened_at,
        closed_at,
        check_ins,
        fates,
        departed: _,
    } = meeting;
    let id = organization.id();
    let state = if closed_at.is_some() {
        v1::MeetingState::Closed
    } else {
        v1::MeetingState::Open
    };
    v1::Meeting {
        name: name::meeting(id, *number),
        node: name::node(id, node),
        title: title.clone(),
        state: state.into(),
        check_ins: check_ins
            .iter()
            .map(|answers| check_in(organization, answers))
            .collect(),
        open_time: Some(timestamp(*opened_at)),
        close_time: optional_timestamp(*closed_at),
        fates: fates
            .iter()
            .take(ENTRIES_MAX)
            .map(|what| fate(id, what))
            .collect(),
        fate_count: count(fates.len()),
    }
}

/// A check-in as the API has it.
#[must_use]
pub fn check_in(organization: &Organization, check_in: &CheckIn) -> v1::CheckIn {
    let CheckIn {
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
        submitted_at,
    } = check_in;
    let id = organization.id();
    v1::CheckIn {
        node: name::node(id, node),
        accomplished: accomplished.clone(),
        planned: planned.clone(),
        blockers: blockers
            .iter()
            .map(|number| named_blocker(organization, *number))
            .collect(),
        may_block: may_block
            .iter()
            .map(|BlockingClaim { node, note }| v1::BlockingClaim {
                node: name::node(id, node),
                note: note.clone(),
            })
            .collect(),
        decisions: decisions.clone(),
        submit_time: Some(timestamp(*submitted_at)),
    }
}

fn named_blocker(organization: &Organization, number: BlockerNumber) -> v1::CheckInBlocker {
    let id = organization.id();
    let mut named = v1::CheckInBlocker {
        blocker: name::blocker(id, number),
        title: String::new(),
        description: String::new(),
        severity: v1::Severity::Unspecified.into(),
        category: String::new(),
        causing_nodes: Vec::new(),
        dedupe_key: String::new(),
    };
    if let Ok(found) = organization.blocker(number) {
        let Content {
            origin: _,
            title,
            description,
            severity,
            category,
            blocked_nodes: _,
            causing_nodes,
            due_at: _,
            labels: _,
            external_reference: _,
            dedupe_key,
            reporter: _,
            raised_at: _,
        } = &*found.content;
        named.title = title.into();
        named.description = description.into();
        named.severity = blocker::severity(*severity).into();
        named.category = category.into();
        named.causing_nodes = causing_nodes
            .iter()
            .map(|node| name::node(id, node))
            .collect();
        named.dedupe_key = dedupe_key.into();
    }
    named
}

/// What became of a blocker, as the API has it.
#[must_use]
pub fn fate(id: &OrganizationId, fate: &Fate) -> v1::BlockerFate {
    use v1::blocker_fate::Kind;
    let Fate {
        blocker: number,
        title,
        severity,
        kind,
        reason,
        moved,
    } = fate;
    let kind = match kind {
        FateKind::Solved => Kind::Solved,
        FateKind::CarriedOver => Kind::CarriedOver,
        FateKind::Escalated => Kind::Escalated,
        FateKind::Returned => Kind::Returned,
        FateKind::Exhausted => Kind::Exhausted,
    };
    v1::BlockerFate {
        blocker: name::blocker(id, *number),
        title: title.clone(),
        kind: kind.into(),
        r#move: moved.as_ref().map(|moved| moved::to_proto(id, moved)),
        reason: reason.clone(),
        severity: blocker::severity(*severity).into(),
    }
}

/// Reads a check-in. Errors: [`Error::Invalid`].
pub fn parse_check_in(id: &OrganizationId, check_in: &v1::CheckIn) -> Result<NewCheckIn, Error> {
    let v1::CheckIn {
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
        submit_time: _,
    } = check_in;
    let node = name::parse_node_of(id, "check_in.node", node)?;
    let blockers = blockers
        .iter()
        .enumerate()
        .map(|(index, named)| parse_named(id, &format!("check_in.blockers[{index}]"), &node, named))
        .collect::<Result<_, _>>()?;
    let may_block = may_block
        .iter()
        .enumerate()
        .map(|(index, v1::BlockingClaim { node, note })| {
            let field = format!("check_in.may_block[{index}].node");
            Ok(BlockingClaim {
                node: name::parse_node_of(id, &field, node)?,
                note: note.clone(),
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(NewCheckIn {
        node,
        accomplished: accomplished.clone(),
        planned: planned.clone(),
        blockers,
        may_block,
        decisions: decisions.clone(),
    })
}

fn parse_named(
    id: &OrganizationId,
    field: &str,
    origin: &NodeId,
    named: &v1::CheckInBlocker,
) -> Result<NamedBlocker, Error> {
    let v1::CheckInBlocker {
        blocker: existing,
        title,
        description,
        severity,
        category,
        causing_nodes,
        dedupe_key,
    } = named;
    if let Some(existing) = non_empty(existing) {
        let number = name::parse_blocker_of(id, &format!("{field}.blocker"), existing)?;
        return Ok(NamedBlocker::Existing(number));
    }
    Ok(NamedBlocker::New(Box::new(NewBlocker {
        origin: origin.clone(),
        title: title.clone(),
        description: description.clone(),
        severity: blocker::parse_severity(&format!("{field}.severity"), *severity)?,
        category: category.clone(),
        blocked_nodes: Vec::new(),
        causing_nodes: name::parse_nodes_of(id, &format!("{field}.causing_nodes"), causing_nodes)?,
        due_at: None,
        labels: BTreeMap::new(),
        external_reference: String::new(),
        dedupe_key: dedupe_key.clone(),
    })))
}

/// A page of an agenda as the API has it; `meeting` is the one that it belongs to, if one is open or was asked for.
#[must_use]
pub fn agenda(
    organization: &Organization,
    node: &NodeId,
    meeting: Option<&Meeting>,
    page: &AgendaPage,
    as_of: echelon_domain::Timestamp,
) -> v1::GetAgendaResponse {
    let AgendaPage {
        agenda:
            Agenda {
                items,
                claims,
                decisions,
                missing,
            },
        total_items,
        next_page_token,
    } = page;
    let id = organization.id();
    v1::GetAgendaResponse {
        node: name::node(id, node),
        meeting: meeting.map(|meeting| to_proto(organization, meeting)),
        items: items
            .iter()
            .map(
                |Item {
                     section: why,
                     blocker,
                     note,
                 }| v1::AgendaItem {
                    section: section(*why).into(),
                    blocker: Some(blocker::to_proto(id, blocker)),
                    note: note.clone(),
                },
            )
            .collect(),
        claims: claims
            .iter()
            .take(ENTRIES_MAX)
            .map(|one| claim(id, one))
            .collect(),
        decisions: decisions
            .iter()
            .map(|(node, text)| format!("{node}: {text}"))
            .collect(),
        missing_check_ins: missing.iter().map(|node| name::node(id, node)).collect(),
        as_of_time: Some(timestamp(as_of)),
        revision: organization.revision(),
        next_page_token: next_page_token.clone(),
        total_items: count(*total_items),
        total_claims: count(claims.len()),
    }
}

fn count(entries: usize) -> i64 {
    i64::try_from(entries).unwrap_or(i64::MAX)
}

const fn section(section: Section) -> v1::AgendaSection {
    match section {
        Section::Escalated => v1::AgendaSection::Escalated,
        Section::CarriedOver => v1::AgendaSection::CarriedOver,
        Section::Own => v1::AgendaSection::Own,
        Section::Returned => v1::AgendaSection::Returned,
        Section::ToVerify => v1::AgendaSection::ToVerify,
    }
}

fn claim(id: &OrganizationId, claim: &OneSidedClaim) -> v1::OneSidedClaim {
    let OneSidedClaim {
        side,
        blocked,
        causing,
        note,
        blocker,
    } = claim;
    let side = match side {
        Side::Blocked => v1::one_sided_claim::Side::Blocked,
        Side::Causing => v1::one_sided_claim::Side::Causing,
    };
    v1::OneSidedClaim {
        side: side.into(),
        blocked: name::node(id, blocked),
        causing: name::node(id, causing),
        note: note.clone(),
        blocker: blocker.map_or_else(String::new, |number| name::blocker(id, number)),
    }
}
