//! `RollupService`.

use std::time::Duration;

use echelon_api::v1::{self, rollup_service_client::RollupServiceClient};
use echelon_server::{clock::ManualClock, config::Config};
use echelon_testkit::{START, TestDatabase, TestServer};

use super::{
    cases::Cases,
    wanted::{Wanted, field, missing, unavailable},
};
use crate::support::Org;

pub(super) async fn all(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();
    cases
        .node_names("node", |node| v1::GetRollupRequest {
            node,
            min_revision: 0,
        })
        .await;
    type List = v1::ListAttentionRequest;
    let base = List {
        node: acme.node("rail"),
        ..Default::default()
    };
    cases
        .node_names("node", |node| List {
            node,
            ..base.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| List {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;
    cases
        .min_revisions(|min_revision| List {
            min_revision,
            ..base.clone()
        })
        .await;
    cases
        .min_revisions(|min_revision| v1::GetRollupRequest {
            node: acme.node("rail"),
            min_revision,
        })
        .await;

    for (node, wanted) in [
        ("", field("node")),
        ("rail", field("node")),
        ("organizations/acme/blockers/B-1", field("node")),
        ("organizations/nowhere/nodes/rail", missing("organization")),
        ("organizations/acme/nodes/nowhere", missing("node")),
    ] {
        watch(cases, (node, 0), &wanted).await;
    }
    let rail = "organizations/acme/nodes/rail";
    watch(cases, (rail, -1), &field("min_revision")).await;
}

async fn watch(cases: &mut Cases<'_>, (node, min_revision): (&str, i64), wanted: &Wanted) {
    let request = v1::WatchRollupRequest {
        node: node.to_owned(),
        min_revision,
    };
    let mut client = RollupServiceClient::new(cases.world.server.channel());
    let result = client.watch_rollup(request).await;
    cases.judge("WatchRollup", node, result, wanted);
}

/// A revision that does not come is waited for as long as a call may take.
pub(super) async fn a_revision_that_does_not_come(database: TestDatabase) {
    let allowed = |config: &mut Config| config.request_timeout_max = Duration::from_millis(500);
    let clock = ManualClock::new(START);
    let server = TestServer::start_with(&database, clock, allowed).await;
    let org = Org::set_up(&server).await;
    let request = v1::GetRollupRequest {
        node: org.node("rail"),
        min_revision: i64::MAX,
    };
    let status = org.call(request).await.unwrap_err();
    assert!(unavailable().lacking(&status).is_empty(), "{status:?}");
}
