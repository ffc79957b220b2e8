//! `EscalationPolicyService`.

mod rules;
mod save;
mod trial;

use echelon_api::v1::{self, EscalationPolicyVersion, EscalationRule};

use super::{
    cases::Cases,
    wanted::{field, missing},
};
use crate::support::rules as short;

pub(super) async fn all(cases: &mut Cases<'_>) {
    save::create(cases).await;
    save::update(cases).await;
    read(cases).await;
    trial::try_policy(cases).await;
    trial::try_on(cases).await;
}

fn version(rules: Vec<EscalationRule>) -> Option<EscalationPolicyVersion> {
    Some(EscalationPolicyVersion {
        rules,
        ..Default::default()
    })
}

fn good() -> EscalationRule {
    short::rule("up", "", short::raised())
}

async fn read(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();
    cases
        .policy_names("name", |name| v1::GetEscalationPolicyRequest {
            name,
            ..Default::default()
        })
        .await;
    for version in ["0", "-1", "x", "", "1/x", "99999999999999999999"] {
        let name = format!("{}/versions/{version}", acme.policy("default"));
        cases
            .refused(
                v1::GetEscalationPolicyRequest {
                    name,
                    ..Default::default()
                },
                field("name"),
            )
            .await;
    }
    let name = format!("{}/versions/4711", acme.policy("default"));
    cases
        .refused(
            v1::GetEscalationPolicyRequest {
                name,
                ..Default::default()
            },
            missing("policy version"),
        )
        .await;
    cases
        .min_revisions(|min_revision| v1::GetEscalationPolicyRequest {
            name: acme.policy("default"),
            min_revision,
        })
        .await;

    type List = v1::ListEscalationPoliciesRequest;
    let base = List {
        parent: acme.name(),
        ..Default::default()
    };
    cases
        .organization_names("parent", |parent| List {
            parent,
            ..base.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| List {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;
    cases
        .min_revisions(|min_revision| List {
            min_revision,
            ..base.clone()
        })
        .await;

    type Versions = v1::ListEscalationPolicyVersionsRequest;
    let base = Versions {
        parent: acme.policy("default"),
        ..Default::default()
    };
    cases
        .min_revisions(|min_revision| Versions {
            min_revision,
            ..base.clone()
        })
        .await;
    cases
        .policy_names("parent", |parent| Versions {
            parent,
            ..base.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| Versions {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;

    type Rebase = v1::RebasePolicyRequest;
    let base = Rebase {
        name: acme.policy("default"),
        ..Default::default()
    };
    cases
        .policy_names("name", |name| Rebase {
            name,
            ..base.clone()
        })
        .await;
    cases
        .policy_names("name", |name| Rebase {
            name,
            dry_run: true,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Rebase {
            request_id,
            ..base.clone()
        })
        .await;
}
