//! A server that breaks off, and what a watcher of it sees.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, transport::Server};

use super::{EventWatch, Start, Update};
use crate::{
    Client, Options,
    v1::{
        Event, GetRollupRequest, GetRollupResponse, ListAttentionRequest, ListAttentionResponse,
        ListEventsRequest, ListEventsResponse, Rollup, RollupFigures, WatchEventsRequest,
        WatchEventsResponse, WatchRollupRequest, WatchRollupResponse,
        event_service_server::{EventService, EventServiceServer},
        rollup_service_server::{RollupService, RollupServiceServer},
    },
};

/// A log of five revisions. Each watch breaks off after two messages; the second sends one revision again.
#[derive(Clone, Default)]
struct Breaking {
    tokens: Arc<Mutex<Vec<String>>>,
}

const LAST: i64 = 5;

fn message(revision: i64) -> WatchEventsResponse {
    WatchEventsResponse {
        events: vec![Event {
            revision,
            ..Event::default()
        }],
        resume_token: format!("after-{revision}"),
        revision,
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<WatchEventsResponse, Status>> + Send>>;
type Rollups = Pin<Box<dyn Stream<Item = Result<WatchRollupResponse, Status>> + Send>>;

#[tonic::async_trait]
impl EventService for Breaking {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let after = request.into_inner().after_revision;
        Ok(Response::new(ListEventsResponse {
            events: message(after + 1).events,
            next_page_token: String::new(),
            resume_token: format!("after-{}", after + 1),
        }))
    }

    type WatchEventsStream = Events;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Events>, Status> {
        let token = request.into_inner().resume_token;
        let mut tokens = self.tokens.lock().unwrap();
        tokens.push(token.clone());
        let repeats = i64::from(tokens.len() == 2);
        let after: i64 = token.strip_prefix("after-").unwrap().parse().unwrap();
        if after >= LAST {
            return Err(Status::out_of_range("the end of this test"));
        }
        let first = after + 1 - repeats;
        let messages: Vec<_> = (first..=LAST.min(first + 1))
            .map(|revision| Ok(message(revision)))
            .chain([Err(Status::unavailable("shutting down"))])
            .collect();
        Ok(Response::new(Box::pin(stream::iter(messages))))
    }
}

#[tonic::async_trait]
impl RollupService for Breaking {
    async fn get_rollup(
        &self,
        _: Request<GetRollupRequest>,
    ) -> Result<Response<GetRollupResponse>, Status> {
        Err(Status::unimplemented("not watched"))
    }

    async fn list_attention(
        &self,
        _: Request<ListAttentionRequest>,
    ) -> Result<Response<ListAttentionResponse>, Status> {
        Err(Status::unimplemented("not watched"))
    }

    type WatchRollupStream = Rollups;

    async fn watch_rollup(
        &self,
        request: Request<WatchRollupRequest>,
    ) -> Result<Response<Rollups>, Status> {
        let mut calls = self.tokens.lock().unwrap();
        calls.push(request.into_inner().node);
        let rollup = |open| {
            Ok(WatchRollupResponse {
                rollup: Some(Rollup {
                    revision: open,
                    figures: Some(RollupFigures {
                        open,
                        ..RollupFigures::default()
                    }),
                    ..Rollup::default()
                }),
            })
        };
        let messages = match calls.len() {
            1 => vec![rollup(1), rollup(2)],
            2 => vec![rollup(2), rollup(3)],
            _ => vec![Err(Status::not_found("the end of this test"))],
        };
        Ok(Response::new(Box::pin(stream::iter(messages))))
    }
}

async fn serve(service: Breaking) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        Server::builder()
            .add_service(EventServiceServer::new(service.clone()))
            .add_service(RollupServiceServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    Client::connect(Options {
        addresses: vec![format!("http://{address}")],
        ..Options::default()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_watch_resumes_without_gap_or_repeat() {
    let service = Breaking::default();
    let client = serve(service.clone()).await;
    let mut updates = client.watch_events(EventWatch {
        organization: "organizations/acme".to_owned(),
        subtree: None,
        start: Start::After(0),
        heartbeat: None,
    });
    let (mut revisions, mut lost, mut resumed) = (Vec::new(), 0, 0);
    let error = loop {
        match updates.next().await.unwrap() {
            Ok(Update::Message(message)) => {
                revisions.extend(message.events.iter().map(|event| event.revision));
            }
            Ok(Update::Lost { .. }) => lost += 1,
            Ok(Update::Resumed) => resumed += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::OutOfRange);
    assert!(updates.next().await.is_none());
    assert_eq!(revisions, [1, 2, 3, 4, 5]);
    // Revision 1 was listed; then 2 and 3, 3 again and 4, 5.
    assert_eq!(
        *service.tokens.lock().unwrap(),
        ["after-1", "after-3", "after-4", "after-5"]
    );
    assert_eq!((lost, resumed), (3, 2));
}

#[tokio::test]
async fn a_watched_rollup_is_told_once() {
    let client = serve(Breaking::default()).await;
    let mut updates = client.watch_rollup("organizations/acme/nodes/shop");
    let mut open = Vec::new();
    let error = loop {
        match updates.next().await.unwrap() {
            Ok(Update::Message(rollup)) => open.push(rollup.figures.unwrap().open),
            Ok(Update::Lost { .. } | Update::Resumed) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(open, [1, 2, 3]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::connect(Options {
        addresses: vec![address.clone()],
        deadline: std::time::Duration::ZERO,
        ..Options::default()
    })
    .await
    .unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(
        error.to_string(),
        format!("cannot reach {address}: connection refused")
    );
}

#[tokio::test]
async fn several_addresses_need_one_that_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(
        Server::builder()
            .add_service(EventServiceServer::new(Breaking::default()))
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let client = Client::connect(Options {
        addresses: vec![dead, address],
        ..Options::default()
    })
    .await
    .unwrap();
    let listed = client
        .retry(ListEventsRequest::default(), |client, request| async move {
            client.events().list_events(request).await
        })
        .await
        .unwrap();
    assert_eq!(listed.events[0].revision, 1);
}
