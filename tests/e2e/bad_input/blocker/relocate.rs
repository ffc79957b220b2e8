//! Escalating and returning.

use echelon_api::v1::{self, ErrorReason};

use super::super::{
    cases::Cases,
    wanted::{archived, not_now},
};

/// Moving up.
pub(super) async fn escalate(cases: &mut Cases<'_>) {
    type Escalate = v1::EscalateBlockerRequest;
    let acme = cases.world.acme.clone();
    let base = Escalate {
        name: cases.world.open.clone(),
        reason: "The team cannot solve it".to_owned(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Escalate {
            name,
            ..base.clone()
        })
        .await;
    cases
        .other_nodes("to", |to| Escalate { to, ..base.clone() })
        .await;
    cases
        .required_bodies("reason", 10_000, |reason| Escalate {
            reason,
            ..base.clone()
        })
        .await;
    for (to, wanted) in [
        ("team-1", not_now(ErrorReason::NoLevelAbove)),
        ("team-2", not_now(ErrorReason::NoLevelAbove)),
        ("road", not_now(ErrorReason::NoLevelAbove)),
        ("team-8", archived()),
    ] {
        let to = acme.node(to);
        cases.refused(Escalate { to, ..base.clone() }, wanted).await;
    }
    for to in [String::new(), acme.node("acme"), acme.node("rail")] {
        let name = cases.world.top.clone();
        cases
            .refused(
                Escalate {
                    name,
                    to,
                    ..base.clone()
                },
                not_now(ErrorReason::NoLevelAbove),
            )
            .await;
    }
    cases
        .etags("etag", |etag| Escalate {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Escalate {
            request_id,
            ..base.clone()
        })
        .await;
}

/// Moving down.
pub(super) async fn send_back(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();

    type Return = v1::ReturnBlockerRequest;
    let base = Return {
        name: cases.world.top.clone(),
        guidance: "Use the old data".to_owned(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Return {
            name,
            ..base.clone()
        })
        .await;
    cases
        .other_nodes("to", |to| Return { to, ..base.clone() })
        .await;
    cases
        .required_bodies("guidance", 10_000, |guidance| Return {
            guidance,
            ..base.clone()
        })
        .await;
    for to in ["acme", "team-5", "rail-a", "team-8"] {
        let to = acme.node(to);
        cases
            .refused(
                Return { to, ..base.clone() },
                not_now(ErrorReason::NoLevelBelow),
            )
            .await;
    }
    for to in [String::new(), acme.node("team-1"), acme.node("rail-a")] {
        let name = cases.world.open.clone();
        cases
            .refused(
                Return {
                    name,
                    to,
                    ..base.clone()
                },
                not_now(ErrorReason::NoLevelBelow),
            )
            .await;
    }
    let to = acme.node("team-8");
    let name = cases.world.orphan.clone();
    cases
        .refused(
            Return {
                name,
                to,
                ..base.clone()
            },
            archived(),
        )
        .await;
    cases
        .etags("etag", |etag| Return {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Return {
            request_id,
            ..base.clone()
        })
        .await;
}
