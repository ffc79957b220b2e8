//! Clients that are not ours, on the one port of gRPC: browsers through gRPC-Web, tools through reflection, and whoever
//! asks for health.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod http1;

use std::collections::BTreeSet;

use echelon_api::v1;
use echelon_server::{clock::ManualClock, config::Config};
use echelon_testkit::{START, TestDatabase, TestServer, on_both};
use prost::Message;
use tonic::{Code, Request, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::{Org, soon};
use http1::{Answer, Call};

on_both!(
    a_page_calls_through_grpc_web,
    a_page_watches_through_grpc_web,
    a_page_reads_why_it_is_refused,
);

/// Where a page comes from that may call.
const BOARD: &str = "https://board.example.com";
/// Every service of the API.
const SERVICES: [&str; 7] = [
    "echelon.v1.BlockerService",
    "echelon.v1.EscalationPolicyService",
    "echelon.v1.EventService",
    "echelon.v1.MeetingService",
    "echelon.v1.NodeService",
    "echelon.v1.OrganizationService",
    "echelon.v1.RollupService",
];

/// A server that pages of the board may call.
async fn start(database: &TestDatabase) -> TestServer {
    let allow = |config: &mut Config| config.allowed_origins = vec![BOARD.to_owned()];
    TestServer::start_with(database, ManualClock::new(START), allow).await
}

async fn a_page_calls_through_grpc_web(database: TestDatabase) {
    let server = start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = v1::Blocker {
        origin: org.node("team-1"),
        title: "Raised by a browser".to_owned(),
        ..Default::default()
    };
    let raise = v1::RaiseBlockerRequest {
        parent: org.name(),
        blocker: Some(blocker),
        ..Default::default()
    };
    for kind in [
        "application/grpc-web+proto",
        "application/grpc-web",
        "application/grpc-web-text",
    ] {
        let call = Call::grpc_web("BlockerService/RaiseBlocker", kind, &raise);
        let answer = call.header("origin", BOARD).send(server.address()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(
            answer.header("content-type").starts_with(kind),
            "{answer:?}"
        );
        let (messages, trailers) = answer.frames();
        assert_eq!(trailers["grpc-status"], "0", "{answer:?}");
        let raised = v1::RaiseBlockerResponse::decode(messages[0].as_slice()).unwrap();
        let raised = raised.blocker.unwrap();
        assert_eq!(org.get(&raised.name).await.title, "Raised by a browser");
        assert_readable(&answer);
    }
}

async fn a_page_watches_through_grpc_web(database: TestDatabase) {
    let server = start(&database).await;
    let org = Org::set_up(&server).await;
    let list = v1::ListEventsRequest {
        parent: org.name(),
        ..Default::default()
    };
    let token = org.ok(list).await.resume_token;
    org.raise("team-1", "seen by a browser").await;
    let watch = v1::WatchEventsRequest {
        parent: org.name(),
        resume_token: token,
        ..Default::default()
    };
    let call = Call::grpc_web(
        "EventService/WatchEvents",
        "application/grpc-web+proto",
        &watch,
    );
    let message = soon(call.first_message(server.address())).await;
    let message = v1::WatchEventsResponse::decode(message.as_slice()).unwrap();
    let titles: Vec<String> = crate::support::log::changes(&message.events)
        .into_iter()
        .filter_map(|change| change.record.content)
        .map(|content| content.title)
        .collect();
    assert_eq!(titles, ["seen by a browser"]);
}

async fn a_page_reads_why_it_is_refused(database: TestDatabase) {
    let server = start(&database).await;
    let get = v1::GetNodeRequest {
        name: "organizations/nowhere/nodes/x".to_owned(),
        ..Default::default()
    };
    let call = Call::grpc_web("NodeService/GetNode", "application/grpc-web+proto", &get);
    let answer = call.header("origin", BOARD).send(server.address()).await;
    let status = answer.grpc_status();
    assert_eq!(status.code(), Code::NotFound, "{answer:?}");
    assert_eq!(
        crate::support::refusal::reason(&status),
        "NOT_FOUND",
        "{answer:?}"
    );
    assert_readable(&answer);
}

/// That the browser lets the page read what it needs of an answer.
fn assert_readable(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), BOARD);
    let exposed = answer
        .header("access-control-expose-headers")
        .to_lowercase();
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        assert!(exposed.contains(name), "{name} cannot be read: {answer:?}");
    }
}

#[tokio::test]
async fn a_page_is_allowed_to_call_if_its_origin_is() {
    let database = TestDatabase::sqlite().await;
    let server = start(&database).await;
    let answer = preflight(BOARD).send(server.address()).await;
    assert_eq!(answer.status / 100, 2, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), BOARD);
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("POST")
    );
    let allowed = answer.header("access-control-allow-headers").to_lowercase();
    for name in [
        "authorization",
        "content-type",
        "echelon-actor",
        "grpc-timeout",
        "x-grpc-web",
    ] {
        assert!(allowed.contains(name), "{name} is not allowed: {answer:?}");
    }
    let answer = preflight("https://elsewhere.example.com")
        .send(server.address())
        .await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "",
        "{answer:?}"
    );
    server.stop().await;

    let server = TestServer::start(&database).await;
    let answer = preflight(BOARD).send(server.address()).await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "",
        "{answer:?}"
    );
}

fn preflight(origin: &str) -> Call {
    Call::new("OPTIONS", "/echelon.v1.BlockerService/RaiseBlocker")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,echelon-actor,x-grpc-web",
        )
}

/// The same questions in both versions of reflection: Python's helper asks the older one.
macro_rules! reflect {
    ($name:ident, $version:ident) => {
        #[tokio::test]
        async fn $name() {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let database = TestDatabase::sqlite().await;
            let server = TestServer::start(&database).await;
            let ask = async |question| {
                let request = ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(question),
                };
                let mut client = ServerReflectionClient::new(server.channel());
                let questions = Request::new(tokio_stream::once(request));
                let answers = client.server_reflection_info(questions).await.unwrap();
                let answer = soon(answers.into_inner().message()).await?;
                Ok::<_, Status>(answer.unwrap().message_response.unwrap())
            };
            let MessageResponse::ListServicesResponse(list) =
                ask(MessageRequest::ListServices(String::new()))
                    .await
                    .unwrap()
            else {
                panic!("a list of services answers the question for it");
            };
            let found: BTreeSet<String> = list.service.into_iter().map(|one| one.name).collect();
            for service in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
                assert!(found.contains(service), "{service} is not in {found:?}");
            }
            let method = "echelon.v1.MeetingService.CloseMeeting".to_owned();
            let MessageResponse::FileDescriptorResponse(files) =
                ask(MessageRequest::FileContainingSymbol(method))
                    .await
                    .unwrap()
            else {
                panic!("a method is in a file");
            };
            assert_describes(
                &files.file_descriptor_proto,
                "MeetingService",
                "CloseMeeting",
            );
            let nonsense = "echelon.v1.Nonsense".to_owned();
            let unknown = ask(MessageRequest::FileContainingSymbol(nonsense)).await;
            assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
        }
    };
}

reflect!(reflection_describes_every_service, v1);
reflect!(the_older_reflection_describes_every_service, v1alpha);

fn assert_describes(files: &[Vec<u8>], service: &str, method: &str) {
    let found = files.iter().any(|file| {
        let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap();
        file.service
            .iter()
            .filter(|found| found.name() == service)
            .flat_map(|found| &found.method)
            .any(|found| {
                found.name() == method && found.output_type() == ".echelon.v1.CloseMeetingResponse"
            })
    });
    assert!(found, "{service}.{method} is not described");
}

#[tokio::test]
async fn health_is_told_of_the_server_and_of_every_service() {
    let database = TestDatabase::sqlite().await;
    let server = TestServer::start(&database).await;
    let mut client = HealthClient::new(server.channel());
    for service in SERVICES.into_iter().chain([""]) {
        let service = service.to_owned();
        let answer = client.check(HealthCheckRequest { service }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
    let service = "echelon.v1.Nonsense".to_owned();
    let unknown = client
        .check(HealthCheckRequest { service })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}
