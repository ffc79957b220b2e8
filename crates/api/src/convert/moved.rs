//! Moves: changes of a blocker's holder, in answers and in the log.

use std::time::Duration;

use echelon_domain::{
    Error, MeetingNumber, OrganizationId, RequestId,
    blocker::{Cause, Move, MoveKind},
};

use super::{
    known, name, non_empty,
    time::{duration, parse_duration, parse_timestamp, timestamp},
};
use crate::v1;

/// A move as the API and the log have it.
#[must_use]
pub fn to_proto(id: &OrganizationId, moved: &Move) -> v1::Move {
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
    let kind = match kind {
        MoveKind::Escalated => v1::r#move::Kind::Escalated,
        MoveKind::Returned => v1::r#move::Kind::Returned,
        MoveKind::Reheld => v1::r#move::Kind::Reheld,
    };
    let cause = match cause {
        Cause::Meeting(number) => v1::cause::Kind::Meeting(number.to_string()),
        Cause::Timer(due) => v1::cause::Kind::Timer(timestamp(*due)),
        Cause::Request(request) => v1::cause::Kind::Request(request.as_str().to_owned()),
    };
    v1::Move {
        kind: kind.into(),
        from: name::node(id, from),
        to: name::node(id, to),
        cause: Some(v1::Cause { kind: Some(cause) }),
        rule: rule.clone().unwrap_or_default(),
        policy_version: policy_version
            .as_ref()
            .map_or_else(String::new, |(policy, version)| {
                name::policy_version(id, policy, *version)
            }),
        matched_facts: facts.clone(),
        reason: reason.clone(),
        lateness: Some(duration(Duration::from_micros(
            u64::try_from(*late_us).unwrap_or(0),
        ))),
        time: Some(timestamp(*at)),
        revision: *revision,
    }
}

/// Reads a move back from the log. Errors: [`Error::Invalid`].
pub fn from_proto(moved: &v1::Move) -> Result<Move, Error> {
    let v1::Move {
        kind,
        from,
        to,
        cause,
        rule,
        policy_version,
        matched_facts,
        reason,
        lateness,
        time,
        revision,
    } = moved;
    let missing = |field: &str| Error::field(field, "is missing");
    let kind = match known::<v1::r#move::Kind>("move.kind", *kind)? {
        v1::r#move::Kind::Escalated => MoveKind::Escalated,
        v1::r#move::Kind::Returned => MoveKind::Returned,
        v1::r#move::Kind::Reheld => MoveKind::Reheld,
        v1::r#move::Kind::Unspecified => return Err(missing("move.kind")),
    };
    let cause = cause.as_ref().and_then(|cause| cause.kind.as_ref());
    let cause = match cause.ok_or_else(|| missing("move.cause"))? {
        v1::cause::Kind::Meeting(number) => {
            Cause::Meeting(MeetingNumber::parse("move.cause.meeting", number)?)
        }
        v1::cause::Kind::Timer(due) => Cause::Timer(parse_timestamp("move.cause.timer", due)?),
        v1::cause::Kind::Request(request) => {
            Cause::Request(RequestId::new("move.cause.request", request)?)
        }
    };
    let policy_version = match non_empty(policy_version) {
        None => None,
        Some(text) => {
            let (_, policy, version) = name::parse_policy_or_version("move.policy_version", text)?;
            Some((
                policy,
                version.ok_or_else(|| missing("move.policy_version"))?,
            ))
        }
    };
    let late = match lateness {
        Some(late) => parse_duration("move.lateness", late)?,
        None => Duration::ZERO,
    };
    Ok(Move {
        kind,
        from: name::parse_node("move.from", from)?.1,
        to: name::parse_node("move.to", to)?.1,
        cause,
        rule: non_empty(rule).map(str::to_owned),
        policy_version,
        facts: matched_facts.clone(),
        reason: reason.clone(),
        late_us: i64::try_from(late.as_micros()).unwrap_or(i64::MAX),
        at: parse_timestamp(
            "move.time",
            time.as_ref().ok_or_else(|| missing("move.time"))?,
        )?,
        revision: *revision,
    })
}
