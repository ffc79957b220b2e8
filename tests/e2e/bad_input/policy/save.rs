//! Creating and updating.

use echelon_api::v1::{self, ErrorReason, EscalationPolicy};

use super::super::{
    cases::Cases,
    wanted::{archived, field, missing, not_now, taken},
};
use super::{good, rules::faulty_rules, version};

pub(super) async fn create(cases: &mut Cases<'_>) {
    type Request = v1::CreateEscalationPolicyRequest;
    let acme = cases.world.acme.clone();
    let policy = EscalationPolicy {
        node: acme.node("road"),
        version: version(vec![good()]),
        ..Default::default()
    };
    let base = Request {
        parent: acme.name(),
        policy_id: "fresh".to_owned(),
        policy: Some(policy.clone()),
        ..Default::default()
    };
    let with = |policy| Request {
        policy: Some(policy),
        ..base.clone()
    };
    for parent in ["", "acme", "organizations/acme/nodes/rail"] {
        let parent = parent.to_owned();
        cases
            .refused(
                Request {
                    parent,
                    ..base.clone()
                },
                field("parent"),
            )
            .await;
    }
    let nowhere = Request {
        parent: "organizations/nowhere".to_owned(),
        policy: Some(EscalationPolicy {
            node: "organizations/nowhere/nodes/x".to_owned(),
            ..policy.clone()
        }),
        ..base.clone()
    };
    cases.refused(nowhere, missing("organization")).await;
    cases
        .refused(
            Request {
                policy: None,
                ..base.clone()
            },
            field("policy"),
        )
        .await;
    for id in ["", "A", "a_b", "-a", "é", &"a".repeat(64)] {
        let policy_id = id.to_owned();
        cases
            .refused(
                Request {
                    policy_id,
                    ..base.clone()
                },
                field("policy_id"),
            )
            .await;
    }
    for id in ["default", "rail-rules"] {
        let policy_id = id.to_owned();
        cases
            .refused(
                Request {
                    policy_id,
                    ..base.clone()
                },
                taken("policy"),
            )
            .await;
    }
    cases
        .other_nodes("policy.node", |node| {
            with(EscalationPolicy {
                node,
                ..policy.clone()
            })
        })
        .await;
    let node = acme.node("team-8");
    cases
        .refused(
            with(EscalationPolicy {
                node,
                ..policy.clone()
            }),
            archived(),
        )
        .await;
    for node in ["acme", "rail"] {
        let node = acme.node(node);
        let second = with(EscalationPolicy {
            node,
            ..policy.clone()
        });
        for validate_only in [false, true] {
            let request = Request {
                validate_only,
                ..second.clone()
            };
            cases
                .refused(request, not_now(ErrorReason::NodeHasPolicy))
                .await;
        }
    }
    cases
        .lines("policy.display_name", 200, |display_name| {
            with(EscalationPolicy {
                display_name,
                ..policy.clone()
            })
        })
        .await;
    let unruled = EscalationPolicy {
        version: None,
        ..policy.clone()
    };
    cases
        .refused(with(unruled), field("policy.version.rules"))
        .await;
    for validate_only in [false, true] {
        let rules = |rules| Request {
            validate_only,
            ..with(EscalationPolicy {
                version: version(rules),
                ..policy.clone()
            })
        };
        faulty_rules(cases, "policy.version.rules", rules).await;
    }
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;
}

pub(super) async fn update(cases: &mut Cases<'_>) {
    type Request = v1::UpdateEscalationPolicyRequest;
    let policy = EscalationPolicy {
        name: cases.world.acme.policy("rail-rules"),
        display_name: "New name".to_owned(),
        ..Default::default()
    };
    let with = |policy| Request {
        policy: Some(policy),
        ..Default::default()
    };
    cases.refused(Request::default(), field("policy")).await;
    cases
        .policy_names("policy.name", |name| {
            with(EscalationPolicy {
                name,
                ..policy.clone()
            })
        })
        .await;
    let name = format!("{}/versions/1", policy.name);
    cases
        .refused(
            with(EscalationPolicy {
                name,
                ..policy.clone()
            }),
            field("policy.name"),
        )
        .await;
    cases
        .lines("policy.display_name", 200, |display_name| {
            with(EscalationPolicy {
                display_name,
                ..policy.clone()
            })
        })
        .await;
    let rules = |rules| Request {
        validate_only: true,
        ..with(EscalationPolicy {
            version: version(rules),
            ..policy.clone()
        })
    };
    faulty_rules(cases, "policy.version.rules", rules).await;
    cases
        .etags("policy.etag", |etag| {
            with(EscalationPolicy {
                etag,
                ..policy.clone()
            })
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..with(policy.clone())
        })
        .await;
}
