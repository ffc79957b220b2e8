//! `OrganizationService`.

use std::sync::Arc;

use echelon_api::{
    convert::{
        mask::Mask,
        name, non_empty,
        organization::{of_snapshot, parse_declaration, parse_settings, planned_change, to_proto},
        parse_etag,
    },
    v1::{self, organization_service_server::OrganizationService},
};
use echelon_domain::{
    Error, NodeId, OrganizationId,
    command::{Command, Outcome},
    decide::Decision,
    node::Level,
    profile::{Settings, SettingsPatch},
};
use tonic::{Request, Response, Status, async_trait};

use super::{
    call::{call, reply, required},
    page::Paging,
};
use crate::app::App;

/// Level of a root whose level is not given.
const ROOT_LEVEL: &str = "PORTFOLIO";
const UPDATABLE: &[&str] = &[
    "display_name",
    "settings",
    "settings.aged_after",
    "settings.due_soon_within",
    "settings.acknowledgement_expiry",
    "settings.hold_limit",
];

pub(super) struct Organizations {
    app: Arc<App>,
}

impl Organizations {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn create(
        &self,
        request: Request<v1::CreateOrganizationRequest>,
    ) -> Result<v1::CreateOrganizationResponse, Error> {
        let (call, message) = call("CreateOrganization", request, |m| &mut m.request_id)?;
        let v1::CreateOrganizationRequest {
            organization_id,
            organization,
            root_node_id,
            root_level,
            request_id: _,
        } = message;
        let id = OrganizationId::new("organization_id", &organization_id)?;
        let organization = organization.unwrap_or_default();
        let root = non_empty(&root_node_id).unwrap_or(id.as_str());
        let command = Command::CreateOrganization {
            display_name: non_empty(&organization.display_name)
                .unwrap_or(id.as_str())
                .to_owned(),
            settings: parse_settings("organization.settings", organization.settings.as_ref())?,
            root: NodeId::new("root_node_id", root)?,
            root_level: Level::new("root_level", non_empty(&root_level).unwrap_or(ROOT_LEVEL))?,
        };
        self.app
            .mutate(&id, call, command, |decision| {
                Ok(v1::CreateOrganizationResponse {
                    organization: Some(of_snapshot(&decision.next)?),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn update(
        &self,
        request: Request<v1::UpdateOrganizationRequest>,
    ) -> Result<v1::UpdateOrganizationResponse, Error> {
        let (call, message) = call("UpdateOrganization", request, |m| &mut m.request_id)?;
        let v1::UpdateOrganizationRequest {
            organization,
            update_mask,
            request_id: _,
        } = message;
        let organization = required("organization", organization)?;
        let id = name::parse_organization("organization.name", &organization.name)?;
        let mask = Mask::new(update_mask.as_ref(), UPDATABLE)?;
        let SettingsPatch {
            aged_after,
            due_soon_within,
            acknowledgement_expiry,
            hold_limit,
        } = parse_settings("organization.settings", organization.settings.as_ref())?;
        let default = Settings::default();
        // A setting that the mask names and that is not set goes back to its default.
        let pick = |path: &str, span: Option<std::time::Duration>, default| {
            mask.pick(path, span.unwrap_or(default), span.is_some())
        };
        let command = Command::UpdateOrganization {
            display_name: mask.pick(
                "display_name",
                organization.display_name.clone(),
                !organization.display_name.is_empty(),
            ),
            settings: SettingsPatch {
                aged_after: pick("settings.aged_after", aged_after, default.aged_after),
                due_soon_within: pick(
                    "settings.due_soon_within",
                    due_soon_within,
                    default.due_soon_within,
                ),
                acknowledgement_expiry: pick(
                    "settings.acknowledgement_expiry",
                    acknowledgement_expiry,
                    default.acknowledgement_expiry,
                ),
                hold_limit: pick("settings.hold_limit", hold_limit, default.hold_limit),
            },
            etag: parse_etag("organization.etag", &organization.etag)?,
        };
        self.app
            .mutate(&id, call, command, |decision| {
                Ok(v1::UpdateOrganizationResponse {
                    organization: Some(of_snapshot(&decision.next)?),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn apply(
        &self,
        request: Request<v1::ApplyOrganizationRequest>,
    ) -> Result<v1::ApplyOrganizationResponse, Error> {
        let (call, message) = call("ApplyOrganization", request, |m| &mut m.request_id)?;
        let id = name::parse_organization("name", &message.name)?;
        let command = Command::ApplyOrganization(parse_declaration(&message)?);
        if message.validate_only {
            let (decision, revision) = self.app.preview(&id, &command, call.actor).await?;
            return Ok(v1::ApplyOrganizationResponse {
                revision,
                ..applied(&decision)?
            });
        }
        self.app.mutate(&id, call, command, applied).await
    }

    async fn list(
        &self,
        mut message: v1::ListOrganizationsRequest,
    ) -> Result<v1::ListOrganizationsResponse, Error> {
        let paging = Paging::of(
            "ListOrganizations",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            50,
        )?;
        let after = paging.cursor(|id| OrganizationId::new("page_token", id).ok())?;
        let store = self.app.store();
        let mut found = store.organizations(after.as_ref(), paging.limit()).await?;
        let next_page_token = paging.cut(&mut found, |(id, _)| id.to_string());
        Ok(v1::ListOrganizationsResponse {
            organizations: found
                .iter()
                .map(|(id, profile)| to_proto(id, profile))
                .collect(),
            next_page_token,
        })
    }
}

fn applied(decision: &Decision) -> Result<v1::ApplyOrganizationResponse, Error> {
    let Outcome::Applied(plan) = &decision.outcome else {
        return Err(Error::internal("an apply had another outcome"));
    };
    let organization = &decision.next;
    Ok(v1::ApplyOrganizationResponse {
        organization: Some(of_snapshot(organization)?),
        changes: plan
            .changes
            .iter()
            .map(|change| planned_change(organization.id(), change))
            .collect(),
        revision: organization.revision(),
        warnings: plan.warnings.clone(),
    })
}

#[async_trait]
impl OrganizationService for Organizations {
    async fn create_organization(
        &self,
        request: Request<v1::CreateOrganizationRequest>,
    ) -> Result<Response<v1::CreateOrganizationResponse>, Status> {
        reply(self.create(request).await)
    }

    async fn get_organization(
        &self,
        request: Request<v1::GetOrganizationRequest>,
    ) -> Result<Response<v1::GetOrganizationResponse>, Status> {
        let v1::GetOrganizationRequest { name, min_revision } = request.into_inner();
        let found = async {
            let id = name::parse_organization("name", &name)?;
            let snapshot = self.app.snapshot_for(&id, min_revision).await?;
            Ok(v1::GetOrganizationResponse {
                organization: Some(of_snapshot(&snapshot)?),
                revision: snapshot.revision(),
            })
        };
        reply(found.await)
    }

    async fn list_organizations(
        &self,
        request: Request<v1::ListOrganizationsRequest>,
    ) -> Result<Response<v1::ListOrganizationsResponse>, Status> {
        reply(self.list(request.into_inner()).await)
    }

    async fn update_organization(
        &self,
        request: Request<v1::UpdateOrganizationRequest>,
    ) -> Result<Response<v1::UpdateOrganizationResponse>, Status> {
        reply(self.update(request).await)
    }

    async fn apply_organization(
        &self,
        request: Request<v1::ApplyOrganizationRequest>,
    ) -> Result<Response<v1::ApplyOrganizationResponse>, Status> {
        reply(self.apply(request).await)
    }
}
