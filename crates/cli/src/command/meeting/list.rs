//! `echelon meeting list`.

use clap::Args;
use echelon_client::v1::{ListMeetingsRequest, ListMeetingsResponse, MeetingState};

use crate::{command::Limit, failure::Failure, session::Session, view::meeting};

/// List meetings, newest first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only meetings of this node
    node: Option<String>,
    /// Only open ones
    #[arg(long)]
    open: bool,
    /// Only closed ones
    #[arg(long, conflicts_with = "open")]
    closed: bool,
    #[command(flatten)]
    limit: Limit,
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let state = match (self.open, self.closed) {
            (true, _) => MeetingState::Open,
            (_, true) => MeetingState::Closed,
            (false, false) => MeetingState::Unspecified,
        };
        let request = ListMeetingsRequest {
            parent: session.names.organization()?,
            node: session.names.optional_node(self.node.as_deref())?,
            state: state.into(),
            page_size: 0,
            page_token: String::new(),
            min_revision: session.min_revision,
        };
        let view = session.view();
        session
            .list::<ListMeetingsResponse, _>(
                "meetings",
                self.limit.rows(),
                |page_size, page_token| {
                    session.call(
                        ListMeetingsRequest {
                            page_size,
                            page_token,
                            ..request.clone()
                        },
                        |client, request| async move { client.meetings().list_meetings(request).await },
                    )
                },
                |meetings| meeting::table(meetings, &view),
            )
            .await
    }
}
