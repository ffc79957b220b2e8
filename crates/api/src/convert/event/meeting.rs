//! Records of meetings.

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, NodeId, OrganizationId,
    blocker::Severity,
    meeting::{BlockingClaim, CheckIn, Fate, FateKind, Meeting},
};

use super::{by_name, missing};
use crate::{
    convert::{
        blocker::{parse_severity, severity},
        moved,
        time::{optional_timestamp, parse_optional_timestamp, parse_timestamp, timestamp},
    },
    v1,
};

pub(super) fn to_record(id: &OrganizationId, meeting: &Meeting) -> v1::MeetingRecord {
    let Meeting {
        number,
        node,
        title,
        opened_at,
        closed_at,
        // They have events of their own.
        check_ins: _,
        fates,
        // It follows from the events in between.
        departed: _,
    } = meeting;
    v1::MeetingRecord {
        number: number.get(),
        node: node.to_string(),
        title: title.clone(),
        open_time: Some(timestamp(*opened_at)),
        close_time: optional_timestamp(*closed_at),
        fates: fates
            .iter()
            .map(|fate| {
                let Fate {
                    blocker,
                    title,
                    severity: how_bad,
                    kind,
                    reason,
                    moved,
                } = fate;
                v1::FateRecord {
                    blocker: blocker.get(),
                    kind: kind.as_str().to_owned(),
                    reason: reason.clone(),
                    r#move: moved.as_ref().map(|moved| moved::to_proto(id, moved)),
                    title: title.clone(),
                    severity: severity(*how_bad).into(),
                }
            })
            .collect(),
    }
}

pub(super) fn from_record(record: &v1::MeetingRecord) -> Result<Meeting, Error> {
    let v1::MeetingRecord {
        number,
        node,
        title,
        open_time,
        close_time,
        fates,
    } = record;
    Ok(Meeting {
        number: MeetingNumber::new(*number),
        node: NodeId::new("node", node)?,
        title: title.clone(),
        opened_at: parse_timestamp(
            "open_time",
            open_time.as_ref().ok_or_else(|| missing("open_time"))?,
        )?,
        closed_at: parse_optional_timestamp("close_time", close_time.as_ref())?,
        check_ins: Vec::new(),
        fates: fates
            .iter()
            .map(|fate| {
                let v1::FateRecord {
                    blocker,
                    kind,
                    reason,
                    r#move,
                    title,
                    severity: how_bad,
                } = fate;
                Ok(Fate {
                    blocker: BlockerNumber::new(*blocker),
                    title: title.clone(),
                    severity: parse_severity("severity", *how_bad)?.unwrap_or(Severity::Medium),
                    kind: by_name("kind", &FateKind::ALL, FateKind::as_str, kind)?,
                    reason: reason.clone(),
                    moved: r#move.as_ref().map(moved::from_proto).transpose()?,
                })
            })
            .collect::<Result<_, Error>>()?,
        departed: Vec::new(),
    })
}

pub(super) fn check_in_to_record(meeting: MeetingNumber, check_in: &CheckIn) -> v1::CheckInRecord {
    let CheckIn {
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
        submitted_at,
    } = check_in;
    v1::CheckInRecord {
        meeting: meeting.get(),
        node: node.to_string(),
        accomplished: accomplished.clone(),
        planned: planned.clone(),
        blockers: blockers.iter().map(|number| number.get()).collect(),
        may_block: may_block
            .iter()
            .map(|BlockingClaim { node, note }| v1::BlockingClaimRecord {
                node: node.to_string(),
                note: note.clone(),
            })
            .collect(),
        decisions: decisions.clone(),
        submit_time: Some(timestamp(*submitted_at)),
    }
}

pub(super) fn check_in_from_record(
    record: &v1::CheckInRecord,
) -> Result<(MeetingNumber, CheckIn), Error> {
    let v1::CheckInRecord {
        meeting,
        node,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
        submit_time,
    } = record;
    let check_in = CheckIn {
        node: NodeId::new("node", node)?,
        accomplished: accomplished.clone(),
        planned: planned.clone(),
        blockers: blockers.iter().map(|n| BlockerNumber::new(*n)).collect(),
        may_block: may_block
            .iter()
            .map(|v1::BlockingClaimRecord { node, note }| {
                Ok(BlockingClaim {
                    node: NodeId::new("may_block.node", node)?,
                    note: note.clone(),
                })
            })
            .collect::<Result<_, Error>>()?,
        decisions: decisions.clone(),
        submitted_at: parse_timestamp(
            "submit_time",
            submit_time.as_ref().ok_or_else(|| missing("submit_time"))?,
        )?,
    };
    Ok((MeetingNumber::new(*meeting), check_in))
}
