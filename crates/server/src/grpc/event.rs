//! `EventService`.

use std::{sync::Arc, time::Duration};

use echelon_api::{
    convert::{event::decode, name, non_empty, time::parse_optional_duration},
    v1::{self, event_service_server::SERVICE_NAME},
};
use echelon_domain::{Error, NodeId, OrganizationId};
use prost::{
    Message as _,
    bytes::Bytes,
    encoding::{WireType, encode_key, encode_varint},
};
use tonic::{Request, Response};

use super::{
    call::{refusal, reply},
    page::Paging,
    prepared::{ByHand, Incoming, Served, streaming, unary, unknown},
    stream::{Outlet, Refused, shutting_down, too_many, too_slow},
};
use crate::app::{App, Feed, Page, Prepared, ResumeToken, Start, Step};

/// Number of the field `events` of the stream's messages.
const EVENTS_FIELD: u32 = 1;
/// Most reads for one page in which nothing is about the subtree asked for.
const READS_MAX: usize = 20;
/// Most events looked at in each of them, rounded up to a whole revision.
const SCAN: usize = 1_000;
const HEARTBEAT: Duration = Duration::from_secs(15);
const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
const HEARTBEAT_MAX: Duration = Duration::from_secs(600);

pub(super) struct Events {
    app: Arc<App>,
}

impl Events {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn list(
        &self,
        mut message: v1::ListEventsRequest,
    ) -> Result<v1::ListEventsResponse, Error> {
        let paging = Paging::of(
            "ListEvents",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            100,
        )?;
        let v1::ListEventsRequest {
            parent,
            after_revision,
            subtree,
            page_size: _,
            page_token: _,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        if after_revision < 0 {
            return Err(Error::field(
                "after_revision",
                "must not be negative: use 0 for the beginning",
            ));
        }
        let subtree = parse_subtree(&organization, &subtree)?;
        // A page token is a resume token within: it is refused in another history as well.
        let after = paging.cursor(|token| ResumeToken::parse("page_token", token).ok())?;
        let start = after.map_or(Start::After(after_revision), Start::Token);
        let mut feed = Feed::open(self.app.clone(), &organization, start, subtree.as_ref()).await?;
        let mut page = feed.read(paging.size).await?;
        for _ in 1..READS_MAX {
            // A page of nothing but other subtrees is of little use; after a while it tells how far it has come.
            if !page.events.is_empty() || !page.more {
                break;
            }
            page = feed.read(SCAN).await?;
        }
        let Page {
            events,
            token,
            revision: _,
            more,
        } = page;
        let events = events.iter().map(|event| decode(&event.payload));
        Ok(v1::ListEventsResponse {
            events: events.collect::<Result<_, _>>()?,
            next_page_token: if more {
                paging.token(&token.to_string())
            } else {
                String::new()
            },
            resume_token: token.to_string(),
        })
    }

    async fn watch(&self, message: v1::WatchEventsRequest) -> Result<(Feed, Duration), Error> {
        let v1::WatchEventsRequest {
            parent,
            resume_token,
            subtree,
            heartbeat,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let heartbeat = parse_optional_duration("heartbeat", heartbeat.as_ref())?;
        let heartbeat = heartbeat.unwrap_or(HEARTBEAT);
        if !(HEARTBEAT_MIN..=HEARTBEAT_MAX).contains(&heartbeat) {
            return Err(Error::field("heartbeat", "must be 1 second to 10 minutes"));
        }
        let start = match non_empty(&resume_token) {
            Some(token) => Start::Token(ResumeToken::parse("resume_token", token)?),
            None => Start::Now,
        };
        let subtree = parse_subtree(&organization, &subtree)?;
        let feed = Feed::open(self.app.clone(), &organization, start, subtree.as_ref()).await?;
        Ok((feed, heartbeat))
    }
}

fn parse_subtree(organization: &OrganizationId, subtree: &str) -> Result<Option<NodeId>, Error> {
    non_empty(subtree)
        .map(|subtree| name::parse_node_of(organization, "subtree", subtree))
        .transpose()
}

/// A message of the stream, its events as they stand in the log.
fn message(page: &Page) -> Prepared {
    let size = page
        .events
        .iter()
        .map(|event| event.payload.len() + 8)
        .sum();
    let mut events = Vec::with_capacity(size);
    for event in &page.events {
        encode_key(EVENTS_FIELD, WireType::LengthDelimited, &mut events);
        encode_varint(event.payload.len() as u64, &mut events);
        events.extend_from_slice(&event.payload);
    }
    // One message may come in pieces, field by field.
    let rest = v1::WatchEventsResponse {
        events: Vec::new(),
        resume_token: page.token.to_string(),
        revision: page.revision,
    };
    Prepared::new([events.into(), rest.encode_to_vec().into(), Bytes::new()])
}

/// Sends what the feed has until the reader goes away, is too slow, or the server shuts down.
async fn run(
    app: Arc<App>,
    mut feed: Feed,
    heartbeat: Duration,
    begun: Option<Prepared>,
    outlet: Outlet<Prepared>,
) {
    let _watching = app.metrics().watching("events");
    let mut sent = feed.token().clone();
    let mut next = begun;
    let reason = loop {
        if let Some(message) = next.take() {
            match outlet.send(message).await {
                Ok(()) => sent = feed.token().clone(),
                Err(Refused::Gone) => return,
                Err(Refused::Slow) => break too_slow(Some(&sent.to_string())),
            }
        }
        let step = tokio::select! {
            step = feed.next(heartbeat) => step,
            () = outlet.gone() => return,
        };
        match step {
            Ok(Step::Page(page) | Step::Heartbeat(page)) => {
                if let Some(last) = page.events.last() {
                    app.metrics().observe_feed_lag(app.now().since(last.at));
                }
                next = Some(message(&page));
            }
            Ok(Step::Ended) => break shutting_down(),
            Err(error) => break refusal(&error),
        }
    };
    outlet.end(reason);
}

impl ByHand for Events {
    const NAME: &'static str = SERVICE_NAME;

    fn serve(self: Arc<Self>, method: &str, call: Incoming) -> Served {
        match method {
            "ListEvents" => unary(call, move |request| async move {
                let answer = self.list(request.into_inner()).await;
                reply(answer.map(|answer| Prepared::of(&answer)))
            }),
            "WatchEvents" => streaming(
                call,
                move |request: Request<v1::WatchEventsRequest>| async move {
                    let room = self.app.room_for_watch().ok_or_else(too_many)?;
                    let message = request.into_inner();
                    let has_token = !message.resume_token.is_empty();
                    let watch = self.watch(message).await;
                    let (feed, heartbeat) = watch.map_err(|error| refusal(&error))?;
                    // A reader without a token gets one at once: cut off before the first event, it can resume.
                    let begun = (!has_token).then(|| {
                        Prepared::of(&v1::WatchEventsResponse {
                            events: Vec::new(),
                            resume_token: feed.token().to_string(),
                            revision: feed.token().revision(),
                        })
                    });
                    let (outlet, answers) = Outlet::new()?;
                    let app = self.app.clone();
                    tokio::spawn(async move {
                        run(app, feed, heartbeat, begun, outlet).await;
                        drop(room);
                    });
                    Ok(Response::new(answers))
                },
            ),
            _ => unknown(),
        }
    }
}
