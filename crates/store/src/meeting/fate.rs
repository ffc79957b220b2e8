//! Fates in the column `fates`, with the moves that explain them (E6).

use std::collections::BTreeMap;

use echelon_domain::{
    BlockerNumber, MeetingNumber, RequestId, Timestamp,
    blocker::{Cause, Move, MoveKind, Severity},
    meeting::{Fate, FateKind},
};
use serde::{Deserialize, Serialize};

use crate::{error::StoreError, row::Row};

/// An entry of the column `fates`.
#[derive(Serialize, Deserialize)]
pub(super) struct FateJson {
    blocker: i64,
    title: String,
    severity: String,
    kind: String,
    reason: String,
    moved: Option<MoveJson>,
}

#[derive(Serialize, Deserialize)]
struct MoveJson {
    kind: MoveKindJson,
    from: String,
    to: String,
    cause: CauseJson,
    rule: Option<String>,
    policy_version: Option<(String, i64)>,
    facts: BTreeMap<String, String>,
    reason: String,
    late_us: i64,
    at_us: i64,
    revision: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MoveKindJson {
    Escalated,
    Returned,
    Reheld,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CauseJson {
    Meeting(i64),
    Timer(i64),
    Request(String),
}

impl FateJson {
    pub(super) fn of(fate: &Fate) -> Self {
        let Fate {
            blocker,
            title,
            severity,
            kind,
            reason,
            moved,
        } = fate;
        Self {
            blocker: blocker.get(),
            title: title.clone(),
            severity: severity.as_str().to_owned(),
            kind: kind.as_str().to_owned(),
            reason: reason.clone(),
            moved: moved.as_ref().map(MoveJson::of),
        }
    }

    pub(super) fn into_fate(self, row: &Row) -> Result<Fate, StoreError> {
        let Self {
            blocker,
            title,
            severity,
            kind,
            reason,
            moved,
        } = self;
        Ok(Fate {
            blocker: BlockerNumber::new(blocker),
            title,
            severity: row.named("fates", &Severity::ALL, Severity::as_str, &severity)?,
            kind: row.named("fates", &FateKind::ALL, FateKind::as_str, &kind)?,
            reason,
            moved: match moved {
                Some(moved) => Some(moved.into_move(row)?),
                None => None,
            },
        })
    }
}

impl MoveJson {
    fn of(moved: &Move) -> Self {
        let Move {
            kind,
            from,
            to,
            cause,
            rule,
            policy_version,
            facts,
            reason,
            late_us,
            at,
            revision,
        } = moved;
        Self {
            kind: match kind {
                MoveKind::Escalated => MoveKindJson::Escalated,
                MoveKind::Returned => MoveKindJson::Returned,
                MoveKind::Reheld => MoveKindJson::Reheld,
            },
            from: from.to_string(),
            to: to.to_string(),
            cause: match cause {
                Cause::Meeting(number) => CauseJson::Meeting(number.get()),
                Cause::Timer(due) => CauseJson::Timer(due.as_micros()),
                Cause::Request(id) => CauseJson::Request(id.as_str().to_owned()),
            },
            rule: rule.clone(),
            policy_version: policy_version
                .as_ref()
                .map(|(policy, version)| (policy.to_string(), *version)),
            facts: facts.clone(),
            reason: reason.clone(),
            late_us: *late_us,
            at_us: at.as_micros(),
            revision: *revision,
        }
    }

    fn into_move(self, row: &Row) -> Result<Move, StoreError> {
        let Self {
            kind,
            from,
            to,
            cause,
            rule,
            policy_version,
            facts,
            reason,
            late_us,
            at_us,
            revision,
        } = self;
        Ok(Move {
            kind: match kind {
                MoveKindJson::Escalated => MoveKind::Escalated,
                MoveKindJson::Returned => MoveKind::Returned,
                MoveKindJson::Reheld => MoveKind::Reheld,
            },
            from: row.node("fates", &from)?,
            to: row.node("fates", &to)?,
            cause: match cause {
                CauseJson::Meeting(number) => Cause::Meeting(MeetingNumber::new(number)),
                CauseJson::Timer(due_us) => Cause::Timer(Timestamp::from_micros(due_us)),
                CauseJson::Request(id) => {
                    Cause::Request(row.checked("fates", RequestId::new("request_id", &id))?)
                }
            },
            rule,
            policy_version: match policy_version {
                Some((policy, version)) => Some((row.policy("fates", &policy)?, version)),
                None => None,
            },
            facts,
            reason,
            late_us,
            at: Timestamp::from_micros(at_us),
            revision,
        })
    }
}
