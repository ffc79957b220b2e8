//! The layers around a small service, called as the network calls them.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tonic::{Code, Status, body::Body, service::Routes};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use super::{Layered, Layers};
use crate::metrics::Metrics;

const GET: &str = "/echelon.v1.NodeService/GetNode";
const LIST: &str = "/echelon.v1.NodeService/ListNodes";
const WATCH: &str = "/echelon.v1.EventService/WatchEvents";
const MOVE: &str = "/echelon.v1.NodeService/MoveNode";
const TIMEOUT: Duration = Duration::from_millis(40);
const TIMEOUT_MAX: Duration = Duration::from_millis(80);

/// Panics at MoveNode, never answers ListNodes, takes long to answer WatchEvents, and answers all else.
async fn handler(request: Request<axum::body::Body>) -> Result<Response<Body>, Infallible> {
    match request.uri().path() {
        MOVE => panic!("on purpose"),
        LIST => std::future::pending().await,
        WATCH => tokio::time::sleep(2 * TIMEOUT_MAX).await,
        _ => {}
    }
    Ok(Status::ok("").into_http())
}

struct Stack {
    layered: Layered<Routes>,
    metrics: Arc<Metrics>,
}

impl Stack {
    fn new(max_concurrent_requests: usize) -> Self {
        let metrics = Arc::new(Metrics::new());
        let layers = Layers::new(
            &[echelon_api::DESCRIPTORS],
            metrics.clone(),
            true,
            max_concurrent_requests,
            TIMEOUT,
            TIMEOUT_MAX,
            4 << 20,
        )
        .unwrap();
        let router = axum::Router::new().fallback_service(tower::service_fn(handler));
        Self {
            layered: layers.around(Routes::from(router)),
            metrics,
        }
    }

    async fn send(&self, path: &str, headers: &[(&str, &str)]) -> (Status, Response<()>) {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.layered.clone().oneshot(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        let (parts, body) = response.into_parts();
        body.collect().await.unwrap();
        (status, Response::from_parts(parts, ()))
    }

    fn counted(&self, line: &str) -> bool {
        self.metrics.render(0).unwrap().contains(line)
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn a_panic_is_an_internal_fault_of_its_call_alone() {
    let stack = Stack::new(1);
    let (status, _) = stack.send(MOVE, &[]).await;
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(reason(&status), "INTERNAL");
    assert!(!status.message().contains("on purpose"));
    assert!(stack.counted("echelon_rpc_panics_total 1"));
    assert!(stack.counted(
        "echelon_rpc_requests_total{code=\"INTERNAL\",method=\"MoveNode\",service=\"echelon.v1.NodeService\"} 1"
    ));
    let (status, _) = stack.send(GET, &[]).await;
    assert_eq!(status.code(), Code::Ok, "its permit came back");
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_a_watch_does_not() {
    let stack = Stack::new(8);
    let early = Duration::from_millis(2);
    for (asked, allowed) in [
        (None, TIMEOUT),
        (Some("20m"), Duration::from_millis(20) - early),
        (Some("3H"), TIMEOUT_MAX),
    ] {
        let started = Instant::now();
        let headers: Vec<_> = asked
            .map(|asked| ("grpc-timeout", asked))
            .into_iter()
            .collect();
        let (status, _) = stack.send(LIST, &headers).await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(reason(&status), "DEADLINE_EXCEEDED");
        assert!(started.elapsed() >= allowed, "{asked:?}");
    }
    let (status, _) = stack.send(WATCH, &[("grpc-timeout", "20m")]).await;
    assert_eq!(status.code(), Code::Ok);
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused() {
    let stack = Stack::new(1);
    let slow = stack.send(LIST, &[]);
    // The first is polled first, and holds the only permit until its deadline.
    let (_, (refused, _)) = tokio::join!(slow, stack.send(GET, &[]));
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(reason(&refused), "UNAVAILABLE");
    assert!(refused.get_details_retry_info().is_some());
}

#[tokio::test]
async fn every_answer_carries_the_id_of_its_call() {
    let stack = Stack::new(8);
    let (_, response) = stack.send(GET, &[("x-request-id", "build-17")]).await;
    assert_eq!(response.headers()["x-request-id"], "build-17");
    let (_, response) = stack.send(MOVE, &[]).await;
    assert_eq!(response.headers()["x-request-id"].len(), 32);
}

#[tokio::test]
async fn a_call_that_its_caller_gives_up_is_counted_as_cancelled() {
    let stack = Stack::new(8);
    let given_up = tokio::time::timeout(Duration::from_millis(1), stack.send(LIST, &[])).await;
    assert!(given_up.is_err());
    assert!(stack.counted("code=\"CANCELLED\",method=\"ListNodes\""));
    assert!(stack.counted(
        "echelon_rpc_in_flight{method=\"ListNodes\",service=\"echelon.v1.NodeService\"} 0"
    ));
}

#[tokio::test]
async fn paths_that_do_not_exist_share_one_name_in_the_metrics() {
    let stack = Stack::new(8);
    for path in ["/a/b", "/c/d", "/"] {
        stack.send(path, &[]).await;
    }
    assert!(stack.counted("method=\"unknown\",service=\"unknown\"} 3"));
}
