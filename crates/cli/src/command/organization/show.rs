//! `echelon organization show`.

use clap::Args;
use echelon_client::v1::GetOrganizationRequest;

use crate::{failure::Failure, session::Session, view::organization};

/// Show the organization and its settings
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Id of the organization; default: that of --organization or of the context
    id: Option<String>,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let name = match self.id {
            Some(id) => echelon_client::names::organization(&id),
            None => session.names.organization()?,
        };
        let found =
            session
                .call(
                    GetOrganizationRequest {
                        name,
                        min_revision: session.min_revision,
                    },
                    |client, request| async move {
                        client.organizations().get_organization(request).await
                    },
                )
                .await?;
        let organization = found
            .organization
            .as_ref()
            .ok_or(Failure::Incomplete("organization"))?;
        session
            .output
            .show(&found, || organization::details(organization))
    }
}
