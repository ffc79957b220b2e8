//! `echelon events`: everything that happened, and what happens.

use clap::Args;
use echelon_client::{
    EventWatch, Start, Update,
    v1::{Event, ListEventsRequest, ListEventsResponse},
};
use futures_util::StreamExt as _;

use super::{Limit, connection::Connection};
use crate::{
    failure::Failure,
    output::{Format, table::Table},
    session::Session,
    view::event,
};

/// List what happened, oldest first, or follow what happens
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Go on with what happens from now on, or after --after; ends with Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only events about the subtree of this node
    #[arg(long, value_name = "NODE")]
    subtree: Option<String>,
    /// Only events about this blocker
    #[arg(long, value_name = "BLOCKER")]
    blocker: Option<String>,
    /// Only events of later revisions than this
    #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    #[command(flatten)]
    limit: Limit,
}

impl Events {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let blocker = self
            .blocker
            .as_deref()
            .map(|blocker| session.names.blocker(blocker))
            .transpose()?;
        let subtree = session.names.optional_node(self.subtree.as_deref())?;
        let parent = session.names.organization()?;
        if self.follow {
            let watch = EventWatch {
                organization: parent,
                subtree: (!subtree.is_empty()).then_some(subtree),
                start: self.after.map_or(Start::Now, Start::After),
                heartbeat: None,
            };
            return follow(session, watch, blocker.as_deref(), self.limit.rows()).await;
        }
        let request = ListEventsRequest {
            parent,
            after_revision: self.after.unwrap_or(0),
            subtree,
            page_size: 0,
            page_token: String::new(),
        };
        let blocker = blocker.as_deref();
        session
            .list::<ListEventsResponse, _>(
                "events",
                self.limit.rows(),
                |page_size, page_token| {
                    let request = ListEventsRequest {
                        page_size,
                        page_token,
                        ..request.clone()
                    };
                    async move {
                        let mut page: ListEventsResponse = session
                            .call(request, |client, request| async move {
                                client.events().list_events(request).await
                            })
                            .await?;
                        page.events.retain(|event| concerns(event, blocker));
                        Ok(page)
                    }
                },
                |events| -> Table { event::table(events) },
            )
            .await
    }
}

/// Prints events as they come in, until interrupted or until the limit.
async fn follow(
    session: &Session,
    watch: EventWatch,
    blocker: Option<&str>,
    limit: Option<usize>,
) -> Result<(), Failure> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut connection = Connection::default();
    let mut updates = session.client.watch_events(watch);
    while let Some(update) = updates.next().await {
        match update? {
            Update::Message(message) => {
                for event in message
                    .events
                    .iter()
                    .filter(|event| concerns(event, blocker))
                {
                    print(session, event)?;
                    left -= 1;
                    if left == 0 {
                        return Ok(());
                    }
                }
            }
            Update::Lost { error, retry_in } => {
                connection.lost(&session.output, &error, retry_in);
            }
            Update::Resumed => connection.resumed(&session.output),
        }
    }
    Ok(())
}

fn print(session: &Session, event: &Event) -> Result<(), Failure> {
    if session.output.format != Format::Table {
        return session.output.stream_message(event);
    }
    let line = event::line(event);
    let line = match session.view().width {
        Some(width) => line.cut(width),
        None => line,
    };
    let mut writer = session.output.writer(false);
    writer.lines(&[line])?;
    writer.finish()
}

fn concerns(event: &Event, blocker: Option<&str>) -> bool {
    blocker.is_none_or(|blocker| event.blocker == blocker)
}
