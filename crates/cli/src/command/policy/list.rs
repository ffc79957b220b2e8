//! `echelon policy list`.

use clap::Args;
use echelon_client::v1::{ListEscalationPoliciesRequest, ListEscalationPoliciesResponse};

use crate::{command::Limit, failure::Failure, session::Session, view::policy};

/// List policies and the nodes they are attached to
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    limit: Limit,
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let parent = session.names.organization()?;
        session
            .list::<ListEscalationPoliciesResponse, _>(
                "policies",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListEscalationPoliciesRequest {
                            parent: parent.clone(),
                            page_size,
                            page_token,
                            min_revision: session.min_revision,
                        },
                        |client, request| async move {
                            client.policies().list_escalation_policies(request).await
                        },
                    )
                },
                policy::table,
            )
            .await
    }
}
