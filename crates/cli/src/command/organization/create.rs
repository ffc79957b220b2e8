//! `echelon organization create`.

use clap::Args;
use echelon_client::{
    request_id,
    v1::{CreateOrganizationRequest, Organization},
};

use super::SettingsFlags;
use crate::{failure::Failure, output::line::Line, session::Session};

/// Create an organization with its root node and the default policy
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Id of the new organization: `a-z`, `0-9` and `-`
    id: String,
    /// Name for people; default: the id
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Id of the root node; default: the organization's id
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    root_node: String,
    /// Level label of the root node; default: PORTFOLIO
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "",
        hide_default_value = true
    )]
    root_level: String,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Create {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = CreateOrganizationRequest {
            organization_id: self.id.clone(),
            organization: Some(Organization {
                display_name: self.display_name.unwrap_or_else(|| self.id.clone()),
                settings: Some(self.settings.to_proto()),
                ..Organization::default()
            }),
            root_node_id: self.root_node,
            root_level: self.root_level,
            request_id: request_id(),
        };
        let created = session
            .call(request, |client, request| async move {
                client.organizations().create_organization(request).await
            })
            .await?;
        session.output.changed(&created, &self.id, || {
            Line::text(&format!("{} is an organization now", self.id))
        })
    }
}
