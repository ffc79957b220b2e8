//! Resolving, verifying, reopening, withdrawing and merging.

use echelon_api::v1;

use super::super::{
    cases::Cases,
    wanted::{field, missing},
};

/// Resolving, verifying, reopening and withdrawing.
pub(super) async fn close(cases: &mut Cases<'_>) {
    let (open, resolved) = (cases.world.open.clone(), cases.world.resolved.clone());

    type Resolve = v1::ResolveBlockerRequest;
    let base = Resolve {
        name: open.clone(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Resolve {
            name,
            ..base.clone()
        })
        .await;
    cases
        .bodies("resolution", 10_000, |resolution| Resolve {
            resolution,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Resolve {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Resolve {
            request_id,
            ..base.clone()
        })
        .await;

    type Verify = v1::VerifyBlockerRequest;
    let base = Verify {
        name: resolved.clone(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Verify {
            name,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Verify {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Verify {
            request_id,
            ..base.clone()
        })
        .await;

    type Reopen = v1::ReopenBlockerRequest;
    let base = Reopen {
        name: resolved,
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Reopen {
            name,
            ..base.clone()
        })
        .await;
    cases
        .bodies("reason", 10_000, |reason| Reopen {
            reason,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Reopen {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Reopen {
            request_id,
            ..base.clone()
        })
        .await;

    type Withdraw = v1::WithdrawBlockerRequest;
    let base = Withdraw {
        name: open.clone(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Withdraw {
            name,
            ..base.clone()
        })
        .await;
    cases
        .bodies("reason", 10_000, |reason| Withdraw {
            reason,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Withdraw {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Withdraw {
            request_id,
            ..base.clone()
        })
        .await;
}

/// Merging.
pub(super) async fn merge(cases: &mut Cases<'_>) {
    let open = cases.world.open.clone();

    type Merge = v1::MergeBlockerRequest;
    let acme = cases.world.acme.clone();
    let base = Merge {
        name: open.clone(),
        into: cases.world.owned.clone(),
        ..Default::default()
    };
    cases
        .refused(
            Merge {
                name: String::new(),
                ..base.clone()
            },
            field("name"),
        )
        .await;
    cases
        .refused(
            Merge {
                name: acme.blocker(4711),
                ..base.clone()
            },
            missing("blocker"),
        )
        .await;
    for into in [
        "",
        "B-1",
        "organizations/acme/nodes/rail",
        "organizations/acme/blockers/1",
    ] {
        let into = into.to_owned();
        cases
            .refused(
                Merge {
                    into,
                    ..base.clone()
                },
                field("into"),
            )
            .await;
    }
    let foreign = cases.world.other.blocker(1);
    cases
        .refused(
            Merge {
                into: foreign,
                ..base.clone()
            },
            field("into").saying("is of organization"),
        )
        .await;
    cases
        .refused(
            Merge {
                into: acme.blocker(4711),
                ..base.clone()
            },
            missing("blocker"),
        )
        .await;
    cases
        .refused(
            Merge {
                into: open,
                ..base.clone()
            },
            field("into").saying("itself"),
        )
        .await;
    cases
        .etags("etag", |etag| Merge {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Merge {
            request_id,
            ..base.clone()
        })
        .await;
}
