//! `echelon organization update`.

use clap::Args;
use echelon_client::{
    names::short,
    request_id,
    v1::{Organization, UpdateOrganizationRequest},
};
use prost_types::FieldMask;

use super::SettingsFlags;
use crate::{command::Guard, failure::Failure, output::line::Line, session::Session};

/// Change the organization's name or settings
#[derive(Args, Debug)]
pub(crate) struct Update {
    /// New name for people
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    guard: Guard,
}

impl Update {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let name = session.names.organization()?;
        let mut paths: Vec<String> = self.settings.paths().collect();
        if self.display_name.is_some() {
            paths.push("display_name".to_owned());
        }
        if paths.is_empty() {
            return Err(Failure::usage(
                "nothing to change: name at least one of --display-name, --aged-after, --due-soon-within, \
                 --acknowledgement-expiry, --hold-limit",
            ));
        }
        let short = short(&name);
        let request = UpdateOrganizationRequest {
            organization: Some(Organization {
                name,
                display_name: self.display_name.unwrap_or_default(),
                settings: Some(self.settings.to_proto()),
                etag: self.guard.etag,
                ..Organization::default()
            }),
            update_mask: Some(FieldMask { paths }),
            request_id: request_id(),
        };
        let updated = session
            .call(request, |client, request| async move {
                client.organizations().update_organization(request).await
            })
            .await?;
        session.output.changed(&updated, &short, || {
            Line::text(&format!("{short} is updated"))
        })
    }
}
