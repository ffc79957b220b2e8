//! Servers that do as they are told, and what a client makes of it.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    future::ready,
    sync::{Mutex, PoisonError},
};

use http_body_util::Full;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Status, server::NamedService, transport::Server};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::{Client, Error, v1};

/// What a server does with a call, by how many it had before.
type Script = fn(usize) -> Reply;

/// What a server does with a call.
enum Reply {
    Answers(i64),
    Refuses(Status),
    /// Answers nothing.
    Hangs,
}

/// A server that keeps to its script and remembers what it was asked.
#[derive(Clone)]
struct Fake {
    script: Script,
    asked: Arc<Mutex<Vec<Bytes>>>,
}

impl Fake {
    fn new(script: Script) -> Self {
        Self {
            script,
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<Bytes> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }

    /// The keys of the calls that it had.
    fn keys(&self) -> Vec<String> {
        let key = |asked: Bytes| v1::RaiseBlockerRequest::decode(asked).unwrap().request_id;
        self.asked().into_iter().map(key).collect()
    }
}

impl NamedService for Fake {
    const NAME: &'static str = "echelon.v1.BlockerService";
}

impl Service<http::Request<Body>> for Fake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let fake = self.clone();
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let before = {
                let mut asked = fake.asked.lock().unwrap();
                asked.push(frame::message(&body).unwrap());
                asked.len() - 1
            };
            Ok(match (fake.script)(before) {
                Reply::Answers(revision) => answer(revision),
                Reply::Refuses(status) => status.into_http(),
                Reply::Hangs => std::future::pending().await,
            })
        })
    }
}

fn answer(revision: i64) -> http::Response<Body> {
    let answer = v1::RaiseBlockerResponse {
        revision,
        ..v1::RaiseBlockerResponse::default()
    };
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let body = Full::new(frame::body(&answer.encode_to_vec()).unwrap());
    let body = body.with_trailers(ready(Some(Ok(trailers))));
    let mut response = http::Response::new(Body::new(body));
    let kind = http::HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    response
}

async fn serve(fakes: &[&Fake]) -> Vec<String> {
    let mut addresses = Vec::new();
    for fake in fakes {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(format!("http://{}", listener.local_addr().unwrap()));
        let serving = Server::builder().add_service((*fake).clone());
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    }
    addresses
}

fn options(addresses: Vec<String>) -> Options {
    Options {
        addresses,
        ..Options::default()
    }
}

async fn raise(client: &Client) -> Result<v1::RaiseBlockerResponse, Error> {
    let request = v1::RaiseBlockerRequest {
        parent: "organizations/acme".to_owned(),
        ..v1::RaiseBlockerRequest::default()
    };
    let raise =
        |client: Client, request| async move { client.blockers().raise_blocker(request).await };
    client.retry(request, raise).await
}

fn unavailable() -> Status {
    Status::unavailable("restarting")
}

#[tokio::test]
async fn a_call_goes_on_elsewhere_with_the_same_key() {
    let dead = Fake::new(|_| Reply::Refuses(unavailable()));
    let alive = Fake::new(|_| Reply::Answers(7));
    let client = Client::connect(options(serve(&[&dead, &alive]).await))
        .await
        .unwrap();
    // One of two calls begins with the dead server.
    for _ in 0..2 {
        assert_eq!(raise(&client).await.unwrap().revision, 7);
    }
    assert_eq!((dead.asked().len(), alive.asked().len()), (1, 2));
    let keys: BTreeSet<String> = [dead.keys(), alive.keys()].concat().into_iter().collect();
    assert_eq!(keys.len(), 2, "each call has a key of its own: {keys:?}");
    assert!(keys.iter().all(|key| !key.is_empty()));
    // Left aside, it has no calls for a while.
    raise(&client).await.unwrap();
    assert_eq!(dead.asked().len(), 1);
}

#[tokio::test]
async fn a_key_of_the_callers_own_stays() {
    let fake = Fake::new(|_| Reply::Answers(1));
    let client = Client::connect(options(serve(&[&fake]).await))
        .await
        .unwrap();
    let request = v1::RaiseBlockerRequest {
        request_id: "own".to_owned(),
        ..v1::RaiseBlockerRequest::default()
    };
    client.blockers().raise_blocker(request).await.unwrap();
    assert_eq!(fake.keys(), ["own"]);
}

#[tokio::test]
async fn what_is_refused_is_not_repeated() {
    let refuses = |_| Reply::Refuses(Status::aborted("stale etag"));
    let (one, other) = (Fake::new(refuses), Fake::new(refuses));
    let client = Client::connect(options(serve(&[&one, &other]).await))
        .await
        .unwrap();
    let error = raise(&client).await.unwrap_err();
    assert_eq!(error.code(), Code::Aborted);
    assert_eq!(one.asked().len() + other.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_leaves_time_for_another() {
    let hanging = Fake::new(|_| Reply::Hangs);
    let alive = Fake::new(|_| Reply::Answers(7));
    let addresses = serve(&[&hanging, &alive]).await;
    let client = Client::connect(Options {
        deadline: Duration::from_secs(4),
        ..options(addresses)
    });
    let client = client.await.unwrap();
    let began = Instant::now();
    for _ in 0..2 {
        raise(&client).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!((hanging.asked().len(), alive.asked().len()), (1, 2));
}

#[tokio::test]
async fn one_deadline_is_for_all_attempts() {
    let fake = Fake::new(|_| Reply::Refuses(unavailable()));
    let client = Client::connect(Options {
        deadline: Duration::from_millis(400),
        ..options(serve(&[&fake]).await)
    });
    let client = client.await.unwrap();
    let began = Instant::now();
    let error = raise(&client).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Code::Unavailable, "restarting")
    );
    assert!(began.elapsed() < Duration::from_millis(500));
    assert!(fake.asked().len() > 1);
    let keys: BTreeSet<String> = fake.keys().into_iter().collect();
    assert_eq!(keys.len(), 1, "one call has one key");
    let hanging = Fake::new(|_| Reply::Hangs);
    let client = Client::connect(Options {
        deadline: Duration::from_millis(100),
        ..options(serve(&[&hanging]).await)
    });
    let error = raise(&client.await.unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_server_may_ask_for_a_longer_wait() {
    let fake = Fake::new(|before| match before {
        0 => {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(400)));
            Reply::Refuses(Status::with_error_details(Code::Unavailable, "", details))
        }
        _ => Reply::Answers(1),
    });
    let client = Client::connect(options(serve(&[&fake]).await))
        .await
        .unwrap();
    let began = Instant::now();
    raise(&client).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn without_a_budget_there_is_one_round() {
    let refuses = |_| Reply::Refuses(unavailable());
    let (one, other) = (Fake::new(refuses), Fake::new(refuses));
    let mut options = options(serve(&[&one, &other]).await);
    options.retry.within = Duration::ZERO;
    let client = Client::connect_lazy(options).unwrap();
    raise(&client).await.unwrap_err();
    assert_eq!((one.asked().len(), other.asked().len()), (1, 1));
}

#[tokio::test]
async fn what_was_written_is_asked_for_if_that_is_wished() {
    for (consistency, wanted) in [
        (Consistency::Eventual, [0, 0, 3]),
        (Consistency::ReadYourWrites, [0, 42, 3]),
    ] {
        let fake = Fake::new(|_| Reply::Answers(42));
        let client = Client::connect(Options {
            consistency,
            ..options(serve(&[&fake]).await)
        });
        let client = client.await.unwrap();
        let read = async |organization: &str, min_revision| {
            let request = v1::ListBlockersRequest {
                parent: format!("organizations/{organization}"),
                min_revision,
                ..v1::ListBlockersRequest::default()
            };
            client.blockers().list_blockers(request).await.unwrap();
        };
        raise(&client).await.unwrap();
        assert_eq!(client.newest_revision("acme"), 42);
        for (organization, min_revision) in [("other", 0), ("acme", 0), ("acme", 3)] {
            read(organization, min_revision).await;
        }
        let asked = fake.asked().into_iter().skip(1);
        let asked = asked.map(|asked| v1::ListBlockersRequest::decode(asked).unwrap().min_revision);
        assert_eq!(asked.collect::<Vec<_>>(), wanted, "{consistency:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connecting = tokio::spawn(Client::connect(options(vec![format!("http://{address}")])));
    tokio::task::yield_now().await;
    let fake = Fake::new(|_| Reply::Answers(1));
    let listener = TcpListener::bind(address).await.unwrap();
    let serving = Server::builder().add_service(fake);
    tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    let client = connecting.await.unwrap().unwrap();
    raise(&client).await.unwrap();
}
