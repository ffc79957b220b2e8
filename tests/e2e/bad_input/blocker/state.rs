//! Calls that the state of a blocker does not permit.

use echelon_api::v1::{self, ErrorReason};
use prost_types::{Duration, Timestamp};

use super::super::{
    cases::Cases,
    wanted::{closed, field, not_now},
};
use crate::support::{HOUR, later};

/// Calls that the state of a blocker does not permit.
pub(in crate::bad_input) async fn states(cases: &mut Cases<'_>) {
    let world = cases.world;
    for name in [&world.resolved, &world.withdrawn, &world.merged] {
        let name = name.clone();
        let expire_time = later(&world.server, HOUR);
        let blocker = v1::Blocker {
            name: name.clone(),
            title: "New title".to_owned(),
            ..Default::default()
        };
        let update = v1::UpdateBlockerRequest {
            blocker: Some(blocker),
            ..Default::default()
        };
        cases
            .refused(update, closed().saying("reopen it first"))
            .await;
        let acknowledge = v1::AcknowledgeBlockerRequest {
            name: name.clone(),
            ..Default::default()
        };
        cases.refused(acknowledge, closed()).await;
        let own = v1::OwnBlockerRequest {
            name: name.clone(),
            owner: "x".to_owned(),
            ..Default::default()
        };
        cases.refused(own, closed()).await;
        let approver = "x".to_owned();
        let hold = v1::HoldBlockerRequest {
            name: name.clone(),
            expire_time,
            approver,
            ..Default::default()
        };
        cases.refused(hold, closed()).await;
        let resolve = v1::ResolveBlockerRequest {
            name: name.clone(),
            ..Default::default()
        };
        cases.refused(resolve, closed()).await;
        let withdraw = v1::WithdrawBlockerRequest {
            name: name.clone(),
            ..Default::default()
        };
        cases.refused(withdraw, closed()).await;
        let merge = v1::MergeBlockerRequest {
            name: name.clone(),
            into: world.open.clone(),
            ..Default::default()
        };
        cases.refused(merge, closed()).await;
        let merge = v1::MergeBlockerRequest {
            name: world.open.clone(),
            into: name.clone(),
            ..Default::default()
        };
        cases.refused(merge, closed()).await;
        let reason = "x".to_owned();
        let escalate = v1::EscalateBlockerRequest {
            name: name.clone(),
            reason,
            ..Default::default()
        };
        cases.refused(escalate, closed()).await;
        let guidance = "x".to_owned();
        let back = v1::ReturnBlockerRequest {
            name,
            guidance,
            ..Default::default()
        };
        cases.refused(back, closed()).await;
    }
    let wrong = not_now(ErrorReason::WrongState);
    let acknowledge = v1::AcknowledgeBlockerRequest {
        name: world.owned.clone(),
        ..Default::default()
    };
    cases.refused(acknowledge, wrong.clone()).await;
    for name in [&world.open, &world.owned, &world.withdrawn, &world.merged] {
        let verify = v1::VerifyBlockerRequest {
            name: name.clone(),
            ..Default::default()
        };
        cases.refused(verify, wrong.clone()).await;
    }
    for name in [&world.open, &world.owned, &world.merged] {
        let reopen = v1::ReopenBlockerRequest {
            name: name.clone(),
            ..Default::default()
        };
        cases.refused(reopen, wrong.clone()).await;
    }
    let reopen = v1::ReopenBlockerRequest {
        name: world.replaced.clone(),
        ..Default::default()
    };
    cases.refused(reopen, wrong.saying("same dedupe_key")).await;
    // Far from any clock, and from what a span can hold.
    let ages = [
        Duration {
            seconds: 315_576_000_001,
            nanos: 0,
        },
        Duration {
            seconds: -315_576_000_001,
            nanos: 0,
        },
    ];
    for min_age in ages {
        let list = v1::ListBlockersRequest {
            parent: world.acme.name(),
            min_age: Some(min_age),
            ..Default::default()
        };
        cases.refused(list, field("min_age")).await;
    }
    let commit_time = Some(Timestamp {
        seconds: 253_402_300_800,
        nanos: 0,
    });
    let own = v1::OwnBlockerRequest {
        name: world.open.clone(),
        owner: "x".to_owned(),
        commit_time,
        ..Default::default()
    };
    cases.refused(own, field("commit_time")).await;
}
