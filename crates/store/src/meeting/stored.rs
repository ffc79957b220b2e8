//! A meeting and its row.

use echelon_domain::{
    BlockerNumber, MeetingNumber, OrganizationId, Timestamp,
    meeting::{BlockingClaim, CheckIn, Meeting},
};
use serde::{Deserialize, Serialize};

use super::fate::FateJson;
use crate::{
    entity::meeting::Model,
    error::StoreError,
    row::{Row, optional_micros, optional_time, to_json},
};

/// An entry of the column `check_ins`.
#[derive(Serialize, Deserialize)]
struct CheckInJson {
    node: String,
    accomplished: String,
    planned: String,
    blockers: Vec<i64>,
    may_block: Vec<ClaimJson>,
    decisions: Vec<String>,
    submitted_us: i64,
}

#[derive(Serialize, Deserialize)]
struct ClaimJson {
    node: String,
    note: String,
}

impl CheckInJson {
    fn of(check_in: &CheckIn) -> Self {
        let CheckIn {
            node,
            accomplished,
            planned,
            blockers,
            may_block,
            decisions,
            submitted_at,
        } = check_in;
        Self {
            node: node.to_string(),
            accomplished: accomplished.clone(),
            planned: planned.clone(),
            blockers: blockers.iter().map(|number| number.get()).collect(),
            may_block: may_block
                .iter()
                .map(|BlockingClaim { node, note }| ClaimJson {
                    node: node.to_string(),
                    note: note.clone(),
                })
                .collect(),
            decisions: decisions.clone(),
            submitted_us: submitted_at.as_micros(),
        }
    }

    fn into_check_in(self, row: &Row) -> Result<CheckIn, StoreError> {
        let Self {
            node,
            accomplished,
            planned,
            blockers,
            may_block,
            decisions,
            submitted_us,
        } = self;
        Ok(CheckIn {
            node: row.node("check_ins", &node)?,
            accomplished,
            planned,
            blockers: blockers.into_iter().map(BlockerNumber::new).collect(),
            may_block: may_block
                .into_iter()
                .map(|ClaimJson { node, note }| {
                    let node = row.node("check_ins", &node)?;
                    Ok(BlockingClaim { node, note })
                })
                .collect::<Result<_, StoreError>>()?,
            decisions,
            submitted_at: Timestamp::from_micros(submitted_us),
        })
    }
}

pub(crate) fn to_row(
    organization: &OrganizationId,
    meeting: &Meeting,
) -> Result<Model, StoreError> {
    let Meeting {
        number,
        node,
        title,
        opened_at,
        closed_at,
        check_ins,
        fates,
        departed,
    } = meeting;
    let check_ins: Vec<CheckInJson> = check_ins.iter().map(CheckInJson::of).collect();
    let fates: Vec<FateJson> = fates.iter().map(FateJson::of).collect();
    let departed: Vec<i64> = departed.iter().map(|number| number.get()).collect();
    Ok(Model {
        organization: organization.to_string(),
        number: number.get(),
        node: node.to_string(),
        title: title.clone(),
        check_ins: to_json(&check_ins)?,
        fates: to_json(&fates)?,
        departed: to_json(&departed)?,
        opened_us: opened_at.as_micros(),
        closed_us: optional_micros(*closed_at),
    })
}

pub(crate) fn from_row(model: Model) -> Result<Meeting, StoreError> {
    let Model {
        organization,
        number,
        node,
        title,
        check_ins,
        fates,
        departed,
        opened_us,
        closed_us,
    } = model;
    let row = Row::new("meeting", &organization, MeetingNumber::new(number));
    let check_ins: Vec<CheckInJson> = row.json("check_ins", &check_ins)?;
    let fates: Vec<FateJson> = row.json("fates", &fates)?;
    let departed: Vec<i64> = row.json("departed", &departed)?;
    let mut meeting = head_from_row((organization, number, node, title, opened_us, closed_us))?;
    for check_in in check_ins {
        meeting.check_ins.push(check_in.into_check_in(&row)?);
    }
    for fate in fates {
        meeting.fates.push(fate.into_fate(&row)?);
    }
    meeting.departed = departed.into_iter().map(BlockerNumber::new).collect();
    Ok(meeting)
}

/// The columns of a list: organization, number, node, title, opened, closed.
pub(super) type HeadColumns = (String, i64, String, String, i64, Option<i64>);

/// A meeting without check-ins, fates and departures.
pub(super) fn head_from_row(columns: HeadColumns) -> Result<Meeting, StoreError> {
    let (organization, number, node, title, opened_us, closed_us) = columns;
    let number = MeetingNumber::new(number);
    let row = Row::new("meeting", &organization, number);
    Ok(Meeting {
        number,
        node: row.node("node", &node)?,
        title,
        opened_at: Timestamp::from_micros(opened_us),
        closed_at: optional_time(closed_us),
        check_ins: Vec::new(),
        fates: Vec::new(),
        departed: Vec::new(),
    })
}
