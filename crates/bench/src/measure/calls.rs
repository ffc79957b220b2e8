//! The calls that are measured, and what their replies must say.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use echelon_api::v1;
use prost::Message;

use crate::{
    dataset::{Dataset, Place, raise_request},
    limits::echo::{self, EchoRequest},
    load::{Call, frame},
};

pub(super) const GET_ROLLUP: &str = "/echelon.v1.RollupService/GetRollup";
pub(super) const LIST_ATTENTION: &str = "/echelon.v1.RollupService/ListAttention";
pub(super) const WATCH_ROLLUP: &str = "/echelon.v1.RollupService/WatchRollup";
pub(super) const RAISE: &str = "/echelon.v1.BlockerService/RaiseBlocker";
pub(super) const COMMENT: &str = "/echelon.v1.BlockerService/CommentOnBlocker";
pub(super) const LIST_BLOCKERS: &str = "/echelon.v1.BlockerService/ListBlockers";
pub(super) const GET_AGENDA: &str = "/echelon.v1.MeetingService/GetAgenda";
pub(super) const OPEN_MEETING: &str = "/echelon.v1.MeetingService/OpenMeeting";
pub(super) const CLOSE_MEETING: &str = "/echelon.v1.MeetingService/CloseMeeting";
pub(super) const WATCH_EVENTS: &str = "/echelon.v1.EventService/WatchEvents";

/// Of so many replies one is read and checked.
const CHECK_EVERY: u64 = 128;

/// The same request again and again, whose reply must pass a check.
pub(super) fn same<A: Message + Default>(
    path: &'static str,
    request: &impl Message,
    check: impl Fn(&A) -> Result<()> + Send + Sync + 'static,
) -> Call {
    let request = frame(request);
    Call {
        path,
        make: Arc::new(move |_| request.clone()),
        check: Arc::new(move |_, reply: &Bytes| check(&A::decode(reply.clone())?)),
        check_every: CHECK_EVERY,
        first: 0,
    }
}

/// `GetRollup` of a node.
pub(super) fn rollup(dataset: &Dataset, place: Place) -> Call {
    let node = dataset.node(place);
    same(
        GET_ROLLUP,
        &v1::GetRollupRequest {
            node: node.clone(),
            min_revision: 0,
        },
        move |reply: &v1::GetRollupResponse| {
            let rollup = reply.rollup.as_ref();
            ensure!(
                rollup.is_some_and(|rollup| rollup.node == node),
                "the roll-up is not of {node}"
            );
            check_figures(rollup.and_then(|rollup| rollup.figures.as_ref()))
        },
    )
}

/// Raised = open + closed (E2), and open by every other count.
pub(super) fn check_figures(figures: Option<&v1::RollupFigures>) -> Result<()> {
    let figures = figures.cloned().unwrap_or_default();
    let severities = figures.by_severity.unwrap_or_default();
    let by_severity = severities.low + severities.medium + severities.high + severities.critical;
    let by_level: i64 = figures.by_holder_level.values().sum();
    let by_holder = figures.held_here + figures.held_below + figures.held_above;
    ensure!(
        figures.raised_total == figures.open + figures.closed_total
            && [by_severity, by_level, by_holder] == [figures.open; 3],
        "the figures do not add up: {figures:?}"
    );
    Ok(())
}

/// `RaiseBlocker`, each call for another blocker.
pub(super) fn raise(dataset: &Dataset, run: &str, first: u64) -> Call {
    let (dataset, run) = (*dataset, run.to_owned());
    Call {
        path: RAISE,
        make: Arc::new(move |number| frame(&raise_request(&dataset, &run, number))),
        check: Arc::new(move |number, reply: &Bytes| {
            let reply = v1::RaiseBlockerResponse::decode(reply.clone())?;
            let raised = reply.blocker.as_ref();
            ensure!(
                raised.is_some_and(|blocker| blocker.title.ends_with(&format!("({number})"))),
                "another blocker was raised than was asked for"
            );
            ensure!(!reply.duplicate && reply.revision > 0, "it was not raised");
            Ok(())
        }),
        check_every: CHECK_EVERY,
        first,
    }
}

/// The bare call with a request and a reply of these lengths.
pub(super) fn echo(request: usize, reply: usize) -> Call {
    let request = frame(&EchoRequest {
        padding: vec![b'x'; request.saturating_sub(6)].into(),
        size: payload(reply),
    });
    Call {
        path: echo::PATH,
        make: Arc::new(move |_| request.clone()),
        check: Arc::new(move |_, received: &Bytes| {
            // Some lengths cannot be had to the byte.
            ensure!(reply - received.len() <= 1, "the echo has another length");
            Ok(())
        }),
        check_every: CHECK_EVERY,
        first: 0,
    }
}

/// The payload that makes a reply this long.
fn payload(reply: usize) -> u64 {
    let mut size = reply.saturating_sub(2);
    while size > 0 && length(size) > reply {
        size -= 1;
    }
    size as u64
}

fn length(size: usize) -> usize {
    let header = 1 + prost::length_delimiter_len(size);
    if size == 0 { 0 } else { header + size }
}

/// How long a request is as it is sent, without what gRPC puts before it.
pub(super) fn request_length(call: &Call) -> usize {
    (call.make)(0).len().saturating_sub(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::echo::EchoResponse;

    #[test]
    fn an_echo_is_as_long_as_was_asked_for() {
        for reply in [3, 50, 129, 131, 3_000, 20_000] {
            let payload = vec![0; usize::try_from(payload(reply)).unwrap()];
            let message = EchoResponse {
                payload: payload.into(),
            };
            let encoded = message.encoded_len();
            assert!(
                encoded <= reply && reply - encoded <= 1,
                "{reply}: {encoded}"
            );
        }
    }
}
