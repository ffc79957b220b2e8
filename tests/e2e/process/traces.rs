//! A call is one trace, from the client to the database, as a collector of OTLP receives it.

mod collector;

use echelon_api::v1;
use echelon_client::{Client, Options};
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, echelon, on_both};
use opentelemetry::{
    Context,
    context::FutureExt as _,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tempfile::TempDir;
use tokio::process::Command;
use tonic::transport::Endpoint;

use super::daemon::Daemon;
use crate::support::{Org, soon};
use collector::{Collector, Received};

on_both!(
    a_close_is_one_trace_from_client_to_database,
    a_command_is_part_of_the_trace_that_it_is_started_in
);

/// What the tree of a trace tells of each span.
const TOLD: [&str; 9] = [
    "rpc.grpc.status_code",
    "decide.command",
    "decide.events",
    "decide.refused",
    "organization.id",
    "batch.commands",
    "db.system.name",
    "db.rows",
    "organization.revision",
];

async fn a_close_is_one_trace_from_client_to_database(database: TestDatabase) {
    let collector = Collector::of_this_process();
    let folder = TempDir::new().unwrap();
    let mut daemon = traced(&folder, &database, collector);
    let address = format!("http://{}", daemon.grpc_address().await);
    let org = Org::over(
        Endpoint::from_shared(address.clone())
            .unwrap()
            .connect_lazy(),
        "acme",
    );
    org.apply_sample().await;
    org.raise("team-3", "the meeting cannot solve it").await;
    let meeting = org.open("team-3").await;

    let client = Client::connect(Options {
        addresses: vec![address],
        ..Options::default()
    });
    let client = client.await.unwrap();
    // What a program that is itself part of a trace does.
    let trace = TraceId::from(number_of(database.kind()));
    let caller = SpanContext::new(trace, CALLER, TraceFlags::SAMPLED, true, TraceState::NONE);
    let caller = Context::new().with_remote_span_context(caller);
    let close = v1::CloseMeetingRequest {
        name: meeting.name,
        ..Default::default()
    };
    let closing = async { client.meetings().close_meeting(close).await };
    soon(closing.with_context(caller)).await.unwrap();
    // Its end sends what is left.
    daemon.stop().await;
    let spans = collector.received(trace).await;

    let mut told = String::new();
    print(&spans, &CALLER.to_bytes(), "", &mut told);
    let wanted = match database.kind() {
        DatabaseKind::Sqlite => EXAMPLE.to_owned(),
        DatabaseKind::Postgres => EXAMPLE.replace("name=sqlite", "name=postgresql"),
    };
    assert_eq!(told, wanted, "{spans:#?}");
    let document = include_str!("../../../docs/operations.md");
    assert!(
        document.contains(EXAMPLE),
        "the document shows another example than\n{EXAMPLE}"
    );

    let close = "echelon.v1.MeetingService/CloseMeeting";
    let [client, server] = ["platform-bot", "echelond"].map(|service| {
        let found = spans
            .iter()
            .find(|span| span.service == service && span.name() == close);
        found.unwrap_or_else(|| panic!("{service} tells no span of the call: {spans:#?}"))
    });
    for span in [client, server] {
        assert_eq!(span.attribute("rpc.system").as_deref(), Some("grpc"));
        assert_eq!(
            span.attribute("rpc.service").as_deref(),
            Some("echelon.v1.MeetingService")
        );
        assert_eq!(
            span.attribute("rpc.method").as_deref(),
            Some("CloseMeeting")
        );
    }
    assert!(
        server
            .attribute("request.id")
            .is_some_and(|id| !id.is_empty())
    );
    // Each lies within the one above it.
    for span in &spans {
        if let Some(above) = spans.iter().find(|above| above.id() == span.parent()) {
            assert!(above.begin() <= span.begin(), "{above:?} {span:?}");
            // A server may take a moment to put away what its client has already got.
            let ends_within = above.service != span.service || span.end() <= above.end();
            assert!(ends_within, "{above:?} {span:?}");
        }
    }
    // Without a caller who asks for it, nothing is sampled here.
    for other in collector.traces() {
        assert!(
            u128::from_be_bytes(other.to_bytes()) <= LAST_TRACE,
            "{other}"
        );
    }
}

async fn a_command_is_part_of_the_trace_that_it_is_started_in(database: TestDatabase) {
    let collector = Collector::of_this_process();
    let folder = TempDir::new().unwrap();
    let mut daemon = traced(&folder, &database, collector);
    let address = format!("http://{}", daemon.grpc_address().await);
    let trace = TraceId::from(LAST_TRACE - number_of(database.kind()));
    let arguments = ["organization", "list", "--address", &address];
    let ran = Command::new(echelon())
        .args(arguments)
        .env_clear()
        .env("ECHELON_CLI_CONFIG", folder.path().join("cli.toml"))
        .env("TRACEPARENT", format!("00-{trace}-{CALLER}-01"))
        .output();
    let ran = soon(ran).await.unwrap();
    assert!(ran.status.success(), "{ran:?}");
    daemon.stop().await;
    let spans = collector.received(trace).await;
    let [server] = &spans[..] else {
        panic!("one call was made: {spans:#?}");
    };
    assert_eq!(server.parent(), CALLER.to_bytes());
    assert_eq!(
        server.name(),
        "echelon.v1.OrganizationService/ListOrganizations"
    );
}

/// A server that sends its traces to the collector, if a caller asks for it.
fn traced(folder: &TempDir, database: &TestDatabase, collector: &Collector) -> Daemon {
    let endpoint = format!("otlp_endpoint={}", collector.address());
    let arguments = ["--set", &endpoint, "--set", "otlp_sample_ratio=0"];
    Daemon::start(folder.path(), database.url(), &arguments)
}

/// The trace as the document shows it.
const EXAMPLE: &str = "\
platform-bot client echelon.v1.MeetingService/CloseMeeting rpc.grpc.status_code=0
  echelond server echelon.v1.MeetingService/CloseMeeting rpc.grpc.status_code=0
    echelond internal decide decide.command=CloseMeeting decide.events=2 organization.id=acme
    echelond internal batch batch.commands=1
      echelond client commit db.system.name=sqlite db.rows=6 organization.revision=4
";

/// The span of the program that calls.
const CALLER: SpanId = SpanId::from_bytes([7; 8]);

/// The highest number of a trace of these tests.
const LAST_TRACE: u128 = 9;

/// A number for a database.
const fn number_of(kind: DatabaseKind) -> u128 {
    match kind {
        DatabaseKind::Sqlite => 1,
        DatabaseKind::Postgres => 2,
    }
}

/// Prints the spans below a span as a tree, the first to begin first.
fn print(spans: &[Received], above: &[u8], indent: &str, told: &mut String) {
    let mut below: Vec<&Received> = spans.iter().filter(|span| span.parent() == above).collect();
    below.sort_by_key(|span| span.begin());
    for span in below {
        told.push_str(&format!(
            "{indent}{} {} {}",
            span.service,
            span.kind(),
            span.name()
        ));
        for name in TOLD {
            if let Some(value) = span.attribute(name) {
                told.push_str(&format!(" {name}={value}"));
            }
        }
        told.push('\n');
        print(spans, span.id(), &format!("{indent}  "), told);
    }
}
