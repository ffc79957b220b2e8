//! Playing it: the tree is applied, the blockers are raised, and every group meets, bottom up, until nothing moves.

use std::collections::BTreeMap;

use echelon_api::v1::{self, blocker_fate::Kind};
use echelon_testkit::{TestDatabase, TestServer};

use super::data::{Data, Dependency};
use crate::support::{Org, assert_sound};

/// More rounds than any blocker has levels to climb.
const ROUNDS_MAX: usize = 8;

/// What happened.
pub(super) struct Played {
    /// How many blockers were raised.
    pub(super) raised: usize,
    /// The whole log.
    pub(super) events: Vec<v1::Event>,
    /// The roll-up of every node, by its id.
    pub(super) rollups: BTreeMap<String, v1::Rollup>,
}

pub(super) async fn play(database: &TestDatabase, data: &Data) -> Played {
    let server = TestServer::start(database).await;
    let org = Org::named(&server, "kubernetes");
    apply(&org, data).await;
    for dependency in &data.dependencies {
        raise(&org, dependency).await;
    }
    let order = bottom_up(&data.nodes);
    let mut rounds = 0;
    while round(&org, &order).await > 0 {
        rounds += 1;
        assert!(rounds < ROUNDS_MAX, "blockers move and move");
    }
    assert_sound(&server).await;
    let mut rollups = BTreeMap::new();
    for node in &data.nodes {
        rollups.insert(node.id.clone(), org.rollup(&node.id).await);
    }
    let played = Played {
        raised: data.dependencies.len(),
        events: org.events().await,
        rollups,
    };
    server.stop().await;
    played
}

/// Applies the tree; applying it again changes nothing.
async fn apply(org: &Org, data: &Data) {
    let request = v1::ApplyOrganizationRequest {
        name: org.name(),
        display_name: "Kubernetes".to_owned(),
        nodes: data.nodes.clone(),
        ..Default::default()
    };
    let applied = org.ok(request.clone()).await;
    assert_eq!(applied.changes.len(), data.nodes.len());
    let again = org.ok(request).await;
    assert_eq!(again.changes, []);
    assert_eq!(again.revision, applied.revision);
}

async fn raise(org: &Org, dependency: &Dependency) {
    let Dependency {
        proposal,
        title,
        owner,
        needs,
    } = dependency;
    let key = format!("kep-{proposal}-{owner}-{needs}");
    let raised = org
        .ok(v1::RaiseBlockerRequest {
            parent: org.name(),
            blocker: Some(v1::Blocker {
                origin: org.node(owner),
                title: title.clone(),
                category: "dependency".to_owned(),
                causing_nodes: vec![org.node(needs)],
                dedupe_key: key.clone(),
                ..Default::default()
            }),
            request_id: key,
            ..Default::default()
        })
        .await;
    assert!(!raised.duplicate, "every row is another blocker");
}

/// Every node, children before their parents.
fn bottom_up(nodes: &[v1::NodeDeclaration]) -> Vec<String> {
    let parents: BTreeMap<&str, &str> = nodes
        .iter()
        .map(|node| (node.id.as_str(), node.parent.as_str()))
        .collect();
    let depth =
        |id: &str| std::iter::successors(Some(id), |step| parents.get(step).copied()).count();
    let mut order: Vec<String> = nodes.iter().map(|node| node.id.clone()).collect();
    order.sort_by_key(|id| (std::cmp::Reverse(depth(id)), id.clone()));
    order
}

/// Every node meets once. Returns how many blockers moved, or stayed and may move at another meeting.
async fn round(org: &Org, order: &[String]) -> usize {
    let mut moving = 0;
    for node in order {
        let fates = org.meet(node).await.fates;
        let is_moving = |fate: &&v1::BlockerFate| fate.kind() != Kind::Exhausted;
        moving += fates.iter().filter(is_moving).count();
    }
    moving
}
