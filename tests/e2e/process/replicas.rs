//! Three processes on one PostgreSQL: they start at once on nothing, serve as one, and one of them is killed at its work.

use std::time::Duration;

use echelon_client::{Client, EventWatch, Options, Start, Update, names, v1};
use echelon_testkit::TestPostgres;
use tempfile::TempDir;
use tokio_stream::StreamExt as _;

use super::daemon::{Daemon, check, run};
use crate::support::soon;

/// Blockers raised, one after the other.
const RAISED: usize = 30;

#[tokio::test]
async fn migrations_run_once_however_many_processes_ask_for_them() {
    let postgres = TestPostgres::start().await;
    let folder = TempDir::new().unwrap();
    let url = postgres.url();
    let arguments = ["--database", url.as_str(), "migrate"];
    let migrate = || run(folder.path(), &arguments);
    let (first, second, third) = tokio::join!(migrate(), migrate(), migrate());
    for output in [first, second, third] {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
}

#[tokio::test]
async fn e2_e10_three_processes_serve_as_one_and_one_may_be_killed() {
    let postgres = TestPostgres::start().await;
    let folder = TempDir::new().unwrap();
    let url = postgres.url();
    // Each would bring the schema up to date.
    let mut daemons: Vec<Daemon> = (0..3)
        .map(|_| Daemon::start(folder.path(), &url, &[]))
        .collect();
    let mut addresses = Vec::new();
    for daemon in &mut daemons {
        addresses.push(format!("http://{}", daemon.address("gRPC on ").await));
    }
    let client = Client::connect(Options {
        addresses,
        deadline: Duration::from_secs(30),
        ..Options::default()
    });
    let client = client.await.unwrap();
    let create = v1::CreateOrganizationRequest {
        organization_id: "acme".to_owned(),
        ..Default::default()
    };
    let created = client.organizations().create_organization(create).await;
    let organization = created.unwrap().into_inner().organization.unwrap();
    let mut updates = client.watch_events(EventWatch {
        organization: names::organization("acme"),
        subtree: None,
        start: Start::After(1),
        heartbeat: None,
    });
    for number in 0..RAISED {
        if number == RAISED / 3 {
            daemons.remove(0).kill().await;
        }
        let request = v1::RaiseBlockerRequest {
            parent: names::organization("acme"),
            blocker: Some(v1::Blocker {
                origin: organization.root_node.clone(),
                title: format!("number {number}"),
                ..Default::default()
            }),
            ..Default::default()
        };
        client.blockers().raise_blocker(request).await.unwrap();
    }
    let mut revisions = Vec::new();
    while revisions.len() < RAISED {
        if let Update::Message(message) = soon(updates.next()).await.unwrap().unwrap() {
            revisions.extend(message.events.iter().map(|event| event.revision));
        }
    }
    let wanted: Vec<i64> = (2..).take(RAISED).collect();
    assert_eq!(revisions, wanted);
    for daemon in daemons {
        daemon.stop().await;
    }
    check(folder.path(), &url).await;
}
