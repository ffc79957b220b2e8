//! An orderly end: calls at work are answered, watches end with a reason, and nothing is left open.

use std::time::Duration;

use echelon_client::{Client, Options, RetryBudget, v1};
use echelon_testkit::{TestDatabase, on_both};
use tempfile::TempDir;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::daemon::{Daemon, check, metrics};

on_both!(sigterm_answers_calls_at_work_and_ends_watches);

async fn sigterm_answers_calls_at_work_and_ends_watches(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    // The server's own deadline: the client's would race with the answer.
    let allowed = [
        "--set",
        "request_timeout=2s",
        "--set",
        "request_timeout_max=2s",
    ];
    let mut daemon = Daemon::start(folder.path(), database.url(), &allowed);
    let client = daemon.client().await;
    create(&client).await;
    let (mut events, _) = watch(&client).await;
    let mut rollups = client
        .rollups()
        .watch_rollup(v1::WatchRollupRequest {
            node: ROOT.to_owned(),
            min_revision: 0,
        })
        .await
        .unwrap()
        .into_inner();
    rollups
        .message()
        .await
        .unwrap()
        .expect("a watch begins with the roll-up");
    // A call that the server works on until its deadline: the revision does not come. It is not made again elsewhere.
    let once = Client::connect_lazy(Options {
        addresses: vec![format!("http://{}", daemon.address("gRPC on ").await)],
        deadline: Duration::from_secs(60),
        retry: RetryBudget {
            within: Duration::ZERO,
            ..RetryBudget::default()
        },
        ..Options::default()
    });
    let once = once.unwrap();
    let waiting =
        tokio::spawn(async move { once.rollups().get_rollup(at_a_later_revision()).await });
    let http = daemon.http_address().await;
    while !metrics(&http).await.contains(AT_WORK) {}

    daemon.terminate();
    let ended = events.message().await.unwrap_err();
    assert_reason(&ended, Code::Unavailable, "UNAVAILABLE");
    assert!(ended.message().contains("shutting down"), "{ended}");
    let ended = loop {
        if let Err(status) = rollups.message().await {
            break status;
        }
    };
    assert_reason(&ended, Code::Unavailable, "UNAVAILABLE");
    let answer = waiting.await.unwrap().unwrap_err();
    assert_reason(&answer, Code::Unavailable, "UNAVAILABLE");
    assert!(answer.message().contains("has not come"), "{answer}");

    let status = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{:#?}", daemon.log());
    let list = v1::ListOrganizationsRequest::default();
    let refused = client.organizations().list_organizations(list).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    check(folder.path(), database.url()).await;
}

/// The token of a watch that was cut off resumes it on the next server, without a gap.
#[tokio::test]
async fn e10_a_watch_resumes_on_the_next_server() {
    let database = TestDatabase::sqlite().await;
    let folder = TempDir::new().unwrap();
    let mut first = Daemon::start(folder.path(), database.url(), &[]);
    let client = first.client().await;
    create(&client).await;
    let (_events, token) = watch(&client).await;
    raise(&client, "before the end").await;
    first.stop().await;

    let mut second = Daemon::start(folder.path(), database.url(), &[]);
    let client = second.client().await;
    raise(&client, "after the end").await;
    let mut events = client
        .events()
        .watch_events(v1::WatchEventsRequest {
            parent: ACME.to_owned(),
            resume_token: token,
            ..v1::WatchEventsRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    let mut titles = Vec::new();
    while titles.len() < 2 {
        let message = events.message().await.unwrap().unwrap();
        titles.extend(message.events.into_iter().filter_map(title));
    }
    assert_eq!(titles, ["before the end", "after the end"]);
    drop(events);
    second.stop().await;
}

const ACME: &str = "organizations/acme";
const ROOT: &str = "organizations/acme/nodes/acme";
/// How the second port tells that the waiting call is at work.
const AT_WORK: &str =
    "echelon_rpc_in_flight{method=\"GetRollup\",service=\"echelon.v1.RollupService\"} 1";

async fn create(client: &Client) {
    let request = v1::CreateOrganizationRequest {
        organization_id: "acme".to_owned(),
        ..v1::CreateOrganizationRequest::default()
    };
    client
        .organizations()
        .create_organization(request)
        .await
        .unwrap();
}

async fn raise(client: &Client, title: &str) {
    let blocker = v1::Blocker {
        origin: ROOT.to_owned(),
        title: title.to_owned(),
        ..v1::Blocker::default()
    };
    let request = v1::RaiseBlockerRequest {
        parent: ACME.to_owned(),
        blocker: Some(blocker),
        ..v1::RaiseBlockerRequest::default()
    };
    client.blockers().raise_blocker(request).await.unwrap();
}

/// A watch that has begun, and the token that it began with.
async fn watch(client: &Client) -> (Streaming<v1::WatchEventsResponse>, String) {
    let request = v1::WatchEventsRequest {
        parent: ACME.to_owned(),
        ..v1::WatchEventsRequest::default()
    };
    let mut events = client
        .events()
        .watch_events(request)
        .await
        .unwrap()
        .into_inner();
    let begun = events
        .message()
        .await
        .unwrap()
        .expect("it begins with a token");
    (events, begun.resume_token)
}

fn title(event: v1::Event) -> Option<String> {
    match event.payload {
        Some(v1::event::Payload::BlockerChanged(record)) => Some(record.content?.title),
        _ => None,
    }
}

fn at_a_later_revision() -> v1::GetRollupRequest {
    v1::GetRollupRequest {
        node: ROOT.to_owned(),
        min_revision: 1_000_000,
    }
}

fn assert_reason(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status}");
    let info = status
        .get_details_error_info()
        .expect("the server gives a reason");
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        (reason, "echelon.dev")
    );
}
