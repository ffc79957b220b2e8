//! `echelon blocker history`.

use clap::Args;
use echelon_client::v1::{ListBlockerHistoryRequest, ListBlockerHistoryResponse};

use crate::{command::Limit, failure::Failure, session::Session, view::event};

/// List everything that happened to a blocker, oldest first
#[derive(Args, Debug)]
pub(crate) struct History {
    /// The blocker, such as B-12
    blocker: String,
    #[command(flatten)]
    limit: Limit,
}

impl History {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let name = session.names.blocker(&self.blocker)?;
        session
            .list::<ListBlockerHistoryResponse, _>(
                "events",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListBlockerHistoryRequest {
                            name: name.clone(),
                            page_size,
                            page_token,
                            min_revision: session.min_revision,
                        },
                        |client, request| async move {
                            client.blockers().list_blocker_history(request).await
                        },
                    )
                },
                event::table,
            )
            .await
    }
}
