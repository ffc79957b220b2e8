//! What one server has written, another reads by its revision.

use echelon_api::v1;
use echelon_testkit::{TestDatabase, TestServer};

use super::{assert_reflects, read, write};
use crate::support::{Org, soon, together};

/// Two servers on one database; the second knows the organization as it was before anything was written.
async fn pair(database: &TestDatabase) -> (TestServer, TestServer, Org, Org) {
    let first = TestServer::start(database).await;
    let second = TestServer::start_with(database, first.clock().clone(), |_| {}).await;
    let org = Org::set_up(&first).await;
    let other = org.through(&second);
    other.touch().await;
    (first, second, org, other)
}

mod postgres {
    use super::*;

    #[tokio::test]
    async fn what_one_server_wrote_another_reads_by_its_revision() {
        let database = TestDatabase::postgres().await;
        let (_first, _second, org, other) = pair(&database).await;
        let written = write(&org).await;
        let told = read(&other, &written, written.revision).await;
        assert_reflects(&told, written.revision);
    }

    #[tokio::test]
    async fn an_organization_that_another_server_created_is_found() {
        let database = TestDatabase::postgres().await;
        let (first, second, _, _) = pair(&database).await;
        let first = Org::named(&first, "newer");
        let created = first
            .ok(v1::CreateOrganizationRequest {
                organization_id: "newer".to_owned(),
                ..Default::default()
            })
            .await;
        let request = v1::GetOrganizationRequest {
            name: first.name(),
            min_revision: created.revision,
        };
        let found = first.through(&second).ok(request).await;
        assert_eq!(found.organization, created.organization);
    }

    #[tokio::test]
    async fn each_write_on_one_server_is_read_at_once_on_the_other() {
        let database = TestDatabase::postgres().await;
        let (_first, _second, org, other) = pair(&database).await;
        for number in 1..=20 {
            let revision = org
                .ok(v1::RaiseBlockerRequest {
                    parent: org.name(),
                    blocker: Some(v1::Blocker {
                        origin: org.node("team-1"),
                        title: "no test data".to_owned(),
                        ..Default::default()
                    }),
                    ..Default::default()
                })
                .await
                .revision;
            let agenda = v1::GetAgendaRequest {
                name: org.node("team-1"),
                min_revision: revision,
                ..Default::default()
            };
            assert_eq!(other.ok(agenda).await.items.len(), number);
        }
    }

    #[tokio::test]
    async fn many_who_wait_for_one_revision_ask_the_database_once() {
        let database = TestDatabase::postgres().await;
        let (_first, second, org, other) = pair(&database).await;
        let written = write(&org).await;
        let before = second.statements();
        let reads = (0..40).map(|_| {
            let (other, written) = (other.clone(), written.clone());
            async move {
                let request = v1::GetNodeRequest {
                    name: written.node,
                    min_revision: written.revision,
                };
                other.ok(request).await.revision
            }
        });
        let told = together(reads).await;
        assert!(told.iter().all(|revision| *revision >= written.revision));
        let statements = second.statements() - before;
        assert!(statements < 12, "{statements} statements for 40 reads");
    }

    #[tokio::test]
    async fn who_asks_for_a_revision_far_off_holds_up_nobody() {
        let database = TestDatabase::postgres().await;
        let (_first, _second, org, other) = pair(&database).await;
        let far_off: Vec<_> = (0..20)
            .map(|_| {
                let other = other.clone();
                tokio::spawn(async move {
                    let request = v1::GetNodeRequest {
                        name: other.node("rail"),
                        min_revision: i64::MAX,
                    };
                    other.call(request).await
                })
            })
            .collect();
        let written = write(&org).await;
        let told = soon(read(&other, &written, written.revision)).await;
        assert_reflects(&told, written.revision);
        for waiting in far_off {
            waiting.abort();
        }
    }
}
