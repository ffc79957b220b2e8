//! Nonsense: whatever is wrong with a call of whatever method, it is refused with a code, a reason, the field or the
//! resource, and what to do; nothing is written; and the server goes on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod fuzz;
mod wanted;
mod wire;
mod world;

mod blocker;
mod event;
mod meeting;
mod node;
mod organization;
mod policy;
mod rollup;

use std::collections::BTreeSet;

use echelon_testkit::{TestDatabase, on_both};
use prost::Message as _;

use cases::Cases;
use world::World;

on_both!(
    nonsense_to_organizations,
    nonsense_to_nodes,
    nonsense_to_blockers,
    nonsense_to_blockers_at_work,
    nonsense_to_meetings,
    nonsense_to_policies,
    nonsense_to_rollups,
    nonsense_to_events,
    a_revision_that_does_not_come_is_waited_for_within_limits,
);

async fn nonsense_to_organizations(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    organization::all(&mut cases).await;
    cases.assert_complete("OrganizationService");
    world.assert_unharmed().await;
}

async fn nonsense_to_nodes(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    node::all(&mut cases).await;
    cases.assert_complete("NodeService");
    world.assert_unharmed().await;
}

async fn nonsense_to_blockers(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    blocker::all(&mut cases).await;
    cases.assert_complete("BlockerService");
    world.assert_unharmed().await;
}

async fn nonsense_to_blockers_at_work(database: TestDatabase) {
    let world = World::new(database).await;
    blocker::states(&mut Cases::new(&world)).await;
    world.assert_unharmed().await;
}

async fn nonsense_to_meetings(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    meeting::all(&mut cases).await;
    cases.assert_complete("MeetingService");
    world.assert_unharmed().await;
}

async fn nonsense_to_policies(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    policy::all(&mut cases).await;
    cases.assert_complete("EscalationPolicyService");
    world.assert_unharmed().await;
}

async fn nonsense_to_rollups(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    rollup::all(&mut cases).await;
    cases.assert_complete("RollupService");
    world.assert_unharmed().await;
}

async fn nonsense_to_events(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    event::all(&mut cases).await;
    cases.assert_complete("EventService");
    world.assert_unharmed().await;
}

async fn a_revision_that_does_not_come_is_waited_for_within_limits(database: TestDatabase) {
    rollup::a_revision_that_does_not_come(database).await;
}

/// Each test above asserts that it has tried every method of its service; here, that there is one for every service.
#[test]
fn every_service_is_tried() {
    let tried = [
        "BlockerService",
        "EscalationPolicyService",
        "EventService",
        "MeetingService",
        "NodeService",
        "OrganizationService",
        "RollupService",
    ];
    let found: Vec<String> = services().into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, tried);
}

/// Every service of the API with its methods, by name.
fn services() -> Vec<(String, BTreeSet<String>)> {
    let files = prost_types::FileDescriptorSet::decode(echelon_api::DESCRIPTORS)
        .unwrap()
        .file;
    let mut found: Vec<(String, BTreeSet<String>)> = files
        .iter()
        .filter(|file| file.package() == "echelon.v1")
        .flat_map(|file| &file.service)
        .map(|service| {
            let methods = service.method.iter().map(|method| method.name().to_owned());
            (service.name().to_owned(), methods.collect())
        })
        .collect();
    found.sort();
    found
}
