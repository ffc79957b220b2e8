//! Short ways to write requests about a blocker.

use echelon_api::v1::{self, Blocker};

/// Owns a blocker, perhaps with a date.
pub(crate) fn own(
    blocker: &Blocker,
    commit_time: Option<prost_types::Timestamp>,
) -> v1::OwnBlockerRequest {
    v1::OwnBlockerRequest {
        name: blocker.name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        commit_time,
        ..Default::default()
    }
}

/// Puts a blocker on hold.
pub(crate) fn hold(
    blocker: &Blocker,
    expire_time: Option<prost_types::Timestamp>,
) -> v1::HoldBlockerRequest {
    v1::HoldBlockerRequest {
        name: blocker.name.clone(),
        expire_time,
        approver: "rte@example.com".to_owned(),
        reason: "the licence comes on Monday".to_owned(),
        ..Default::default()
    }
}

/// Opens a blocker again.
pub(crate) fn reopen(blocker: &Blocker) -> v1::ReopenBlockerRequest {
    v1::ReopenBlockerRequest {
        name: blocker.name.clone(),
        reason: "it is back".to_owned(),
        ..Default::default()
    }
}

/// Takes a blocker back.
pub(crate) fn withdraw(blocker: &Blocker) -> v1::WithdrawBlockerRequest {
    v1::WithdrawBlockerRequest {
        name: blocker.name.clone(),
        reason: "not ours".to_owned(),
        ..Default::default()
    }
}

/// Verifies that a blocker is solved.
pub(crate) fn verify(blocker: &Blocker) -> v1::VerifyBlockerRequest {
    v1::VerifyBlockerRequest {
        name: blocker.name.clone(),
        ..Default::default()
    }
}

/// Acknowledges a blocker.
pub(crate) fn acknowledge(blocker: &Blocker) -> v1::AcknowledgeBlockerRequest {
    v1::AcknowledgeBlockerRequest {
        name: blocker.name.clone(),
        ..Default::default()
    }
}

/// Moves a blocker up by hand; to the parent if `to` is empty.
pub(crate) fn escalate(blocker: &Blocker, to: String) -> v1::EscalateBlockerRequest {
    v1::EscalateBlockerRequest {
        name: blocker.name.clone(),
        to,
        reason: "needs a decision".to_owned(),
        ..Default::default()
    }
}

/// Moves a blocker down; by one level if `to` is empty.
pub(crate) fn send_back(blocker: &Blocker, to: String) -> v1::ReturnBlockerRequest {
    v1::ReturnBlockerRequest {
        name: blocker.name.clone(),
        to,
        guidance: "use the old sandbox".to_owned(),
        ..Default::default()
    }
}

/// Merges a blocker into its cause.
pub(crate) fn merge(blocker: &Blocker, into: &Blocker) -> v1::MergeBlockerRequest {
    v1::MergeBlockerRequest {
        name: blocker.name.clone(),
        into: into.name.clone(),
        ..Default::default()
    }
}

/// The blocker of an answer.
pub(crate) fn of<T>(answer: T, blocker: impl FnOnce(T) -> Option<Blocker>) -> Blocker {
    blocker(answer).expect("a change answers with the blocker")
}
