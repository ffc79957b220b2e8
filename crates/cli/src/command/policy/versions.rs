//! `echelon policy versions`.

use clap::Args;
use echelon_client::v1::{
    ListEscalationPolicyVersionsRequest, ListEscalationPolicyVersionsResponse,
};

use crate::{command::Limit, failure::Failure, session::Session, view::policy};

/// List the versions of a policy, newest first
#[derive(Args, Debug)]
pub(crate) struct Versions {
    /// The policy, such as default
    policy: String,
    #[command(flatten)]
    limit: Limit,
}

impl Versions {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let parent = session.names.policy(&self.policy)?;
        session
            .list::<ListEscalationPolicyVersionsResponse, _>(
                "versions",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListEscalationPolicyVersionsRequest {
                            parent: parent.clone(),
                            page_size,
                            page_token,
                            min_revision: session.min_revision,
                        },
                        |client, request| async move {
                            client
                                .policies()
                                .list_escalation_policy_versions(request)
                                .await
                        },
                    )
                },
                policy::versions,
            )
            .await
    }
}
