//! `EscalationPolicyService`.

use std::sync::Arc;

use echelon_api::{
    convert::{
        blocker::parse_new,
        explain::{simulated_step, verdict},
        name, non_empty, parse_etag,
        policy::{self, parse_rules, rebased, to_proto},
        time::parse_optional_timestamp,
    },
    v1::{self, escalation_policy_service_server::EscalationPolicyService},
};
use echelon_domain::{
    Error, Organization, OrganizationId, PolicyId,
    command::{Command, Outcome},
    decide::Decision,
    trial::Description,
};
use tonic::{Request, Response, Status, async_trait};

use super::{
    call::{call, reply, required},
    page::Paging,
};
use crate::app::{App, Rules, Subject};

const RULES: &str = "policy.version.rules";

pub(super) struct Policies {
    app: Arc<App>,
}

impl Policies {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn create(
        &self,
        request: Request<v1::CreateEscalationPolicyRequest>,
    ) -> Result<v1::CreateEscalationPolicyResponse, Error> {
        let (call, message) = call("CreateEscalationPolicy", request, |m| &mut m.request_id)?;
        let v1::CreateEscalationPolicyRequest {
            parent,
            policy_id,
            policy,
            validate_only,
            request_id: _,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let policy = required("policy", policy)?;
        let rules = policy.version.map(|version| version.rules);
        let command = Command::CreatePolicy {
            id: PolicyId::new("policy_id", &policy_id)?,
            node: name::parse_node_of(&organization, "policy.node", &policy.node)?,
            display_name: non_empty(&policy.display_name).map(str::to_owned),
            rules: parse_rules(RULES, &rules.unwrap_or_default())?,
        };
        let respond = |decision: &Decision| {
            Ok(v1::CreateEscalationPolicyResponse {
                policy: Some(changed(decision)?),
                revision: decision.next.revision(),
            })
        };
        if validate_only {
            let (decision, revision) = self
                .app
                .preview(&organization, &command, call.actor)
                .await?;
            return Ok(v1::CreateEscalationPolicyResponse {
                revision,
                ..respond(&decision)?
            });
        }
        self.app.mutate(&organization, call, command, respond).await
    }

    async fn update(
        &self,
        request: Request<v1::UpdateEscalationPolicyRequest>,
    ) -> Result<v1::UpdateEscalationPolicyResponse, Error> {
        let (call, message) = call("UpdateEscalationPolicy", request, |m| &mut m.request_id)?;
        let v1::UpdateEscalationPolicyRequest {
            policy,
            validate_only,
            request_id: _,
        } = message;
        let policy = required("policy", policy)?;
        let (organization, id) = name::parse_policy("policy.name", &policy.name)?;
        let command = Command::UpdatePolicy {
            id,
            display_name: non_empty(&policy.display_name).map(str::to_owned),
            rules: policy
                .version
                .map(|version| parse_rules(RULES, &version.rules))
                .transpose()?,
            etag: parse_etag("policy.etag", &policy.etag)?,
        };
        let respond = |decision: &Decision| {
            Ok(v1::UpdateEscalationPolicyResponse {
                policy: Some(changed(decision)?),
                revision: decision.next.revision(),
            })
        };
        if validate_only {
            let (decision, revision) = self
                .app
                .preview(&organization, &command, call.actor)
                .await?;
            return Ok(v1::UpdateEscalationPolicyResponse {
                revision,
                ..respond(&decision)?
            });
        }
        self.app.mutate(&organization, call, command, respond).await
    }

    async fn rebase(
        &self,
        request: Request<v1::RebasePolicyRequest>,
    ) -> Result<v1::RebasePolicyResponse, Error> {
        let (call, message) = call("RebasePolicy", request, |m| &mut m.request_id)?;
        let v1::RebasePolicyRequest {
            name: policy,
            dry_run,
            request_id: _,
        } = message;
        let (organization, id) = name::parse_policy("name", &policy)?;
        let command = Command::RebasePolicy { id };
        if dry_run {
            let (decision, revision) = self
                .app
                .preview(&organization, &command, call.actor)
                .await?;
            return Ok(v1::RebasePolicyResponse {
                revision,
                ..rebase_response(&decision)?
            });
        }
        self.app
            .mutate(&organization, call, command, rebase_response)
            .await
    }

    async fn test(&self, message: v1::TestPolicyRequest) -> Result<v1::TestPolicyResponse, Error> {
        use v1::test_policy_request::{Policy, Subject as Tried};
        let v1::TestPolicyRequest {
            parent,
            policy,
            subject,
            min_revision,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let rules = match required("policy", policy)? {
            Policy::PolicyName(policy) => {
                let (found, policy, version) =
                    name::parse_policy_or_version("policy_name", &policy)?;
                if found != organization {
                    return Err(Error::field(
                        "policy_name",
                        format!("is of organization `{found}`: name one of `{organization}`"),
                    ));
                }
                Rules::Saved(policy, version)
            }
            Policy::Rules(version) => Rules::Unsaved(parse_rules("rules.rules", &version.rules)?),
        };
        let subject = match required("subject", subject)? {
            Tried::BlockerName(blocker) => Subject::Existing(name::parse_blocker_of(
                &organization,
                "blocker_name",
                &blocker,
            )?),
            Tried::Blocker(blocker) => {
                Subject::Described(Box::new(describe(&organization, &blocker)?))
            }
        };
        let tried = self
            .app
            .try_policy(&organization, min_revision, rules, subject)
            .await?;
        Ok(v1::TestPolicyResponse {
            rules: tried
                .trial
                .verdicts
                .iter()
                .map(|rule| verdict(&organization, rule))
                .collect(),
            steps: tried.trial.steps.iter().map(simulated_step).collect(),
            revision: tried.revision,
        })
    }

    async fn get(
        &self,
        message: v1::GetEscalationPolicyRequest,
    ) -> Result<v1::GetEscalationPolicyResponse, Error> {
        let v1::GetEscalationPolicyRequest { name, min_revision } = message;
        let (organization, id, number) = name::parse_policy_or_version("name", &name)?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        Ok(v1::GetEscalationPolicyResponse {
            policy: Some(shown(&snapshot, &id, number)?),
            revision: snapshot.revision(),
        })
    }

    async fn list(
        &self,
        mut message: v1::ListEscalationPoliciesRequest,
    ) -> Result<v1::ListEscalationPoliciesResponse, Error> {
        let min_revision = std::mem::take(&mut message.min_revision);
        let paging = Paging::of(
            "ListEscalationPolicies",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            50,
        )?;
        let organization = name::parse_organization("parent", &message.parent)?;
        let after = paging.cursor(|id| PolicyId::new("page_token", id).ok())?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        let mut found: Vec<&PolicyId> = snapshot
            .policies()
            .map(|policy| &policy.id)
            .filter(|id| after.as_ref().is_none_or(|after| *id > after))
            .take(paging.size + 1)
            .collect();
        let next_page_token = paging.cut(&mut found, |id| id.to_string());
        Ok(v1::ListEscalationPoliciesResponse {
            policies: found
                .into_iter()
                .map(|id| shown(&snapshot, id, None))
                .collect::<Result<_, _>>()?,
            next_page_token,
            revision: snapshot.revision(),
        })
    }

    async fn list_versions(
        &self,
        mut message: v1::ListEscalationPolicyVersionsRequest,
    ) -> Result<v1::ListEscalationPolicyVersionsResponse, Error> {
        let min_revision = std::mem::take(&mut message.min_revision);
        let paging = Paging::of(
            "ListEscalationPolicyVersions",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            50,
        )?;
        let (organization, id) = name::parse_policy("parent", &message.parent)?;
        let before: Option<i64> = paging.cursor(|number| number.parse().ok())?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        snapshot.policy(&id)?;
        let mut found: Vec<_> = snapshot
            .versions(&id)
            .rev()
            .map(|compiled| &compiled.version)
            .filter(|version| before.is_none_or(|before| version.number < before))
            .take(paging.size + 1)
            .collect();
        let next_page_token = paging.cut(&mut found, |version| version.number.to_string());
        Ok(v1::ListEscalationPolicyVersionsResponse {
            versions: found
                .into_iter()
                .map(|version| policy::version(&organization, version))
                .collect(),
            next_page_token,
            revision: snapshot.revision(),
        })
    }
}

/// A policy with one of its versions; without a number the newest.
fn shown(
    organization: &Organization,
    id: &PolicyId,
    number: Option<i64>,
) -> Result<v1::EscalationPolicy, Error> {
    let policy = organization.policy(id)?;
    let version = organization.version(id, number.unwrap_or(policy.latest))?;
    Ok(to_proto(organization.id(), policy, &version.version))
}

fn changed(decision: &Decision) -> Result<v1::EscalationPolicy, Error> {
    let Outcome::Policy { id } = &decision.outcome else {
        return Err(Error::internal("a change of a policy had another outcome"));
    };
    shown(&decision.next, id, None)
}

fn rebase_response(decision: &Decision) -> Result<v1::RebasePolicyResponse, Error> {
    let Outcome::Rebased {
        policy,
        version,
        blockers,
    } = &decision.outcome
    else {
        return Err(Error::internal("a rebase had another outcome"));
    };
    let id = decision.next.id();
    Ok(v1::RebasePolicyResponse {
        version: name::policy_version(id, policy, *version),
        blockers: blockers.iter().map(|one| rebased(id, one)).collect(),
        revision: decision.next.revision(),
    })
}

/// Reads a described blocker. Errors: [`Error::Invalid`].
fn describe(organization: &OrganizationId, blocker: &v1::Blocker) -> Result<Description, Error> {
    let time = |field: &str, at: &Option<prost_types::Timestamp>| {
        parse_optional_timestamp(&format!("blocker.{field}"), at.as_ref())
    };
    let holder = non_empty(&blocker.holder)
        .map(|holder| name::parse_node_of(organization, "blocker.holder", holder))
        .transpose()?;
    Ok(Description {
        content: parse_new(organization, blocker)?,
        holder,
        owner: non_empty(&blocker.owner).map(str::to_owned),
        committed_at: time("commit_time", &blocker.commit_time)?,
        acknowledged_until: time(
            "acknowledgement_expire_time",
            &blocker.acknowledgement_expire_time,
        )?,
        held_until: time("hold_expire_time", &blocker.hold_expire_time)?,
        raised_at: time("raise_time", &blocker.raise_time)?,
        level_entered_at: time("level_enter_time", &blocker.level_enter_time)?,
        progressed_at: time("progress_time", &blocker.progress_time)?,
        meetings_survived: blocker.meetings_survived,
    })
}

#[async_trait]
impl EscalationPolicyService for Policies {
    async fn create_escalation_policy(
        &self,
        request: Request<v1::CreateEscalationPolicyRequest>,
    ) -> Result<Response<v1::CreateEscalationPolicyResponse>, Status> {
        reply(self.create(request).await)
    }

    async fn update_escalation_policy(
        &self,
        request: Request<v1::UpdateEscalationPolicyRequest>,
    ) -> Result<Response<v1::UpdateEscalationPolicyResponse>, Status> {
        reply(self.update(request).await)
    }

    async fn get_escalation_policy(
        &self,
        request: Request<v1::GetEscalationPolicyRequest>,
    ) -> Result<Response<v1::GetEscalationPolicyResponse>, Status> {
        reply(self.get(request.into_inner()).await)
    }

    async fn list_escalation_policies(
        &self,
        request: Request<v1::ListEscalationPoliciesRequest>,
    ) -> Result<Response<v1::ListEscalationPoliciesResponse>, Status> {
        reply(self.list(request.into_inner()).await)
    }

    async fn list_escalation_policy_versions(
        &self,
        request: Request<v1::ListEscalationPolicyVersionsRequest>,
    ) -> Result<Response<v1::ListEscalationPolicyVersionsResponse>, Status> {
        reply(self.list_versions(request.into_inner()).await)
    }

    async fn rebase_policy(
        &self,
        request: Request<v1::RebasePolicyRequest>,
    ) -> Result<Response<v1::RebasePolicyResponse>, Status> {
        reply(self.rebase(request).await)
    }

    async fn test_policy(
        &self,
        request: Request<v1::TestPolicyRequest>,
    ) -> Result<Response<v1::TestPolicyResponse>, Status> {
        reply(self.test(request.into_inner()).await)
    }
}
