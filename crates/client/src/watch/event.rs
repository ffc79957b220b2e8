//! Watching events: every event once, in order (E10), across reconnects.

use std::time::Duration;

use tonic::{Status, Streaming};

use super::{Source, Updates, ended, updates};
use crate::{
    Client,
    v1::{GetOrganizationRequest, ListEventsRequest, WatchEventsRequest, WatchEventsResponse},
};

/// Events fetched with one call while catching up.
const PAGE_SIZE: i32 = 1000;

/// What to watch.
#[derive(Clone, Debug)]
pub struct EventWatch {
    /// Resource name of the organization.
    pub organization: String,
    /// Resource name of the top of the subtree that counts; none: the whole organization.
    pub subtree: Option<String>,
    /// Where to begin.
    pub start: Start,
    /// Silence before the server sends a heartbeat; none: the server's default.
    pub heartbeat: Option<Duration>,
}

/// Where a watch of events begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what happens from the first call on.
    Now,
    /// With the first event of a revision greater than this; 0: with the first event ever.
    After(i64),
    /// Where the message with this resume token ended.
    Token(String),
}

impl Client {
    /// Watches events. A message holds whole revisions; one without events is a heartbeat, and its `resume_token` is
    /// worth keeping as well: [`Start::Token`] goes on there, also in another process.
    #[must_use]
    pub fn watch_events(&self, watch: EventWatch) -> Updates<WatchEventsResponse> {
        let EventWatch {
            organization,
            subtree,
            start,
            heartbeat,
        } = watch;
        let source = Events {
            client: self.clone(),
            organization,
            subtree: subtree.unwrap_or_default(),
            heartbeat,
            stage: match start {
                Start::Now => Stage::Locate,
                Start::After(revision) => Stage::catch_up(revision),
                Start::Token(token) => Stage::follow(token),
            },
            last_revision: 0,
        };
        updates(source, self.retry_budget())
    }
}

struct Events {
    client: Client,
    organization: String,
    subtree: String,
    heartbeat: Option<Duration>,
    stage: Stage,
    /// Revision of the last event that was passed on.
    last_revision: i64,
}

enum Stage {
    /// Find the present revision. A watch without a token would begin anew, with a gap, if it broke before its first
    /// message.
    Locate,
    /// List what is there already.
    CatchUp { after: i64, page_token: String },
    /// Watch, from the token on.
    Follow {
        token: String,
        stream: Option<Box<Streaming<WatchEventsResponse>>>,
    },
}

impl Stage {
    fn catch_up(after: i64) -> Self {
        Self::CatchUp {
            after,
            page_token: String::new(),
        }
    }

    fn follow(token: String) -> Self {
        Self::Follow {
            token,
            stream: None,
        }
    }
}

impl Source for Events {
    type Message = WatchEventsResponse;

    async fn open(&mut self) -> Result<(), Status> {
        match &mut self.stage {
            Stage::Locate => {
                let request = GetOrganizationRequest {
                    name: self.organization.clone(),
                    min_revision: 0,
                };
                let found = self
                    .client
                    .organizations()
                    .get_organization(request)
                    .await?;
                self.stage = Stage::catch_up(found.into_inner().revision);
            }
            Stage::CatchUp { .. } => {}
            Stage::Follow { token, stream } => {
                *stream = None;
                let request = WatchEventsRequest {
                    parent: self.organization.clone(),
                    resume_token: token.clone(),
                    subtree: self.subtree.clone(),
                    heartbeat: heartbeat(self.heartbeat)?,
                };
                let opened = self.client.events().watch_events(request).await?;
                *stream = Some(Box::new(opened.into_inner()));
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<WatchEventsResponse>, Status> {
        let mut message = match &mut self.stage {
            Stage::Locate => {
                self.open().await?;
                return Ok(None);
            }
            Stage::CatchUp { after, page_token } => {
                let request = ListEventsRequest {
                    parent: self.organization.clone(),
                    after_revision: *after,
                    subtree: self.subtree.clone(),
                    page_size: PAGE_SIZE,
                    page_token: page_token.clone(),
                };
                let page = self
                    .client
                    .events()
                    .list_events(request)
                    .await?
                    .into_inner();
                let last = page.events.last().map_or(*after, |event| event.revision);
                if page.next_page_token.is_empty() {
                    if page.resume_token.is_empty() {
                        return Err(Status::internal("the server sent no resume token"));
                    }
                    self.stage = Stage::follow(page.resume_token.clone());
                } else {
                    *page_token = page.next_page_token;
                }
                WatchEventsResponse {
                    events: page.events,
                    resume_token: page.resume_token,
                    revision: last,
                }
            }
            Stage::Follow { stream: None, .. } => {
                self.open().await?;
                return Ok(None);
            }
            Stage::Follow {
                token,
                stream: Some(stream),
            } => {
                let message = stream.message().await?.ok_or_else(ended)?;
                if !message.resume_token.is_empty() {
                    token.clone_from(&message.resume_token);
                }
                message
            }
        };
        // A server that sends a revision again does not make us tell it again.
        message
            .events
            .retain(|event| event.revision > self.last_revision);
        if let Some(event) = message.events.last() {
            self.last_revision = event.revision;
        }
        Ok(Some(message))
    }
}

fn heartbeat(heartbeat: Option<Duration>) -> Result<Option<prost_types::Duration>, Status> {
    heartbeat
        .map(prost_types::Duration::try_from)
        .transpose()
        .map_err(|_| Status::invalid_argument("heartbeat: is too long, use at most 10 minutes"))
}
