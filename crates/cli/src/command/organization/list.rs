//! `echelon organization list`.

use clap::Args;
use echelon_client::v1::{ListOrganizationsRequest, ListOrganizationsResponse};

use crate::{command::Limit, failure::Failure, session::Session, view::organization};

/// List organizations
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    limit: Limit,
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        session
            .list::<ListOrganizationsResponse, _>(
                "organizations",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListOrganizationsRequest {
                            page_size,
                            page_token,
                        },
                        |client, request| async move {
                            client.organizations().list_organizations(request).await
                        },
                    )
                },
                organization::table,
            )
            .await
    }
}
