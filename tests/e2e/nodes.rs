//! Nodes: created, read, listed, changed, moved and archived.

use echelon_api::v1::{self, ErrorReason, NodeState};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    Org, assert_sound, log::changes, mask, refusal::refused, sample::NODES, short,
};

on_both!(
    a_node_is_created_below_an_active_parent,
    an_update_of_a_node_changes_what_its_mask_names,
    nodes_are_listed_by_subtree_depth_and_level_in_pages,
    archived_nodes_are_listed_when_asked_for,
    a_page_of_nodes_goes_on_after_one_that_was_archived_since,
    e1_a_move_takes_blockers_to_the_nearest_node_above_both_places,
    e1_a_move_within_the_holders_subtree_leaves_blockers_alone,
    a_move_that_makes_a_cycle_is_refused,
    e2_archiving_moves_what_the_node_holds_and_closes_its_meeting,
    a_node_with_active_children_is_not_archived,
);

fn create(org: &Org, id: &str, parent: &str) -> v1::CreateNodeRequest {
    v1::CreateNodeRequest {
        parent: org.name(),
        node_id: id.to_owned(),
        node: Some(v1::Node {
            parent: org.node(parent),
            level: "TEAM".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn relocate(org: &Org, id: &str, new_parent: &str) -> v1::MoveNodeRequest {
    v1::MoveNodeRequest {
        name: org.node(id),
        new_parent: org.node(new_parent),
        ..Default::default()
    }
}

fn archive(org: &Org, id: &str) -> v1::ArchiveNodeRequest {
    v1::ArchiveNodeRequest {
        name: org.node(id),
        ..Default::default()
    }
}

/// The ids of every page of a list.
async fn listed(org: &Org, mut request: v1::ListNodesRequest) -> Vec<String> {
    request.parent = org.name();
    let mut found = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        let size = usize::try_from(request.page_size).expect("a size is positive");
        assert!(size == 0 || page.nodes.len() <= size);
        found.extend(page.nodes.iter().map(|node| short(&node.name).to_owned()));
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

async fn a_node_is_created_below_an_active_parent(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut request = create(&org, "team-9", "rail-b");
    let representative = v1::Representative {
        person: "tech-lead@example.com".to_owned(),
        role: "TECH_LEAD".to_owned(),
        start_time: crate::support::later(&server, crate::support::DAY),
        end_time: None,
    };
    let node = request.node.as_mut().expect("the request has a node");
    node.display_name = "The ninth team".to_owned();
    node.representatives = vec![representative.clone()];
    let created = org.ok(request).await.node.expect("a create answers");
    assert_eq!(created.name, org.node("team-9"));
    assert_eq!(created.parent, org.node("rail-b"));
    assert_eq!(created.display_name, "The ninth team");
    assert_eq!(created.representatives, [representative]);
    assert_eq!(
        (created.depth, created.height, created.child_count),
        (4, 0, 0)
    );
    assert_eq!(created.state(), NodeState::Active);
    assert_eq!(created.effective_policy, org.policy("default"));
    assert_eq!(org.get_node("team-9").await, created);
    assert_eq!(org.get_node("rail-b").await.child_count, 3);

    let again = org.call(create(&org, "team-9", "rail-a")).await;
    refused(again, Code::AlreadyExists, ErrorReason::AlreadyExists);
    let orphan = org.call(create(&org, "team-10", "nowhere")).await;
    refused(orphan, Code::NotFound, ErrorReason::NotFound);
    org.ok(archive(&org, "team-9")).await;
    let below = org.call(create(&org, "squad", "team-9")).await;
    refused(below, Code::FailedPrecondition, ErrorReason::NodeArchived);
}

async fn an_update_of_a_node_changes_what_its_mask_names(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = org.get_node("team-1").await;
    let wanted = v1::Node {
        name: org.node("team-1"),
        display_name: "First".to_owned(),
        level: "SQUAD".to_owned(),
        representatives: vec![v1::Representative {
            person: "qa-lead@example.com".to_owned(),
            role: "QA_LEAD".to_owned(),
            ..Default::default()
        }],
        etag: before.etag.clone(),
        ..Default::default()
    };
    let request = |node: v1::Node, paths: &[&str]| v1::UpdateNodeRequest {
        node: Some(node),
        update_mask: mask(paths),
        ..Default::default()
    };
    let updated = org.ok(request(wanted.clone(), &["level"])).await.node;
    let updated = updated.expect("an update answers");
    assert_eq!(updated.level, "SQUAD");
    assert_eq!(updated.display_name, "team-1");
    assert_eq!(updated.representatives, []);
    let stale = org.call(request(wanted.clone(), &["display_name"])).await;
    refused(stale, Code::Aborted, ErrorReason::StaleEtag);

    let wanted = v1::Node {
        etag: String::new(),
        ..wanted
    };
    let updated = org.ok(request(wanted.clone(), &[])).await.node;
    let updated = updated.expect("an update answers");
    assert_eq!(updated.display_name, "First");
    assert_eq!(updated.representatives, wanted.representatives);
    // A field that the mask names and that is empty is emptied.
    let emptied = v1::Node {
        representatives: Vec::new(),
        ..wanted
    };
    let updated = org.ok(request(emptied, &["representatives"])).await.node;
    assert_eq!(updated.expect("an update answers").representatives, []);
}

async fn nodes_are_listed_by_subtree_depth_and_level_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let all = listed(&org, v1::ListNodesRequest::default()).await;
    assert_eq!(
        all,
        [
            "acme", "mobility", "rail", "rail-a", "team-1", "team-2", "team-3", "rail-b", "team-4",
            "team-5", "road", "road-a", "team-6", "team-7", "team-8",
        ]
    );
    for page_size in [1, 2, 7, 15] {
        let paged = v1::ListNodesRequest {
            page_size,
            ..Default::default()
        };
        assert_eq!(listed(&org, paged).await, all);
    }
    // Against a filter of the sample, which knows each node's parent and level.
    let parent_of = |id: &str| {
        NODES
            .iter()
            .find(|(node, ..)| *node == id)
            .map(|node| node.1)
    };
    let steps_below = |id: &str, top: &str| {
        std::iter::successors(Some(id.to_owned()), |step| {
            parent_of(step).map(str::to_owned)
        })
        .position(|step| step == top)
    };
    for (top, ..) in NODES {
        for max_depth in [0, 1, 2] {
            for level in ["", "TEAM", "SOS", "NONE"] {
                let request = v1::ListNodesRequest {
                    subtree: org.node(top),
                    max_depth,
                    level: level.to_owned(),
                    page_size: 3,
                    ..Default::default()
                };
                let mut expected: Vec<String> = NODES
                    .iter()
                    .filter(|node| level.is_empty() || node.2 == level)
                    .filter(|node| {
                        steps_below(node.0, top).is_some_and(|steps| {
                            max_depth == 0
                                || i32::try_from(steps).is_ok_and(|steps| steps <= max_depth)
                        })
                    })
                    .map(|node| node.0.to_owned())
                    .collect();
                expected.sort_by_key(|id| all.iter().position(|other| other == id));
                let told = format!("below {top}, {max_depth} deep, level {level:?}");
                assert_eq!(listed(&org, request).await, expected, "{told}");
            }
        }
    }
}

async fn archived_nodes_are_listed_when_asked_for(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let archived = org.ok(archive(&org, "team-7")).await.node;
    assert_eq!(archived.expect("it answers").state(), NodeState::Archived);
    let request = v1::ListNodesRequest {
        subtree: org.node("road-a"),
        ..Default::default()
    };
    assert_eq!(
        listed(&org, request.clone()).await,
        ["road-a", "team-6", "team-8"]
    );
    let request = v1::ListNodesRequest {
        show_archived: true,
        page_size: 1,
        ..request
    };
    assert_eq!(
        listed(&org, request).await,
        ["road-a", "team-6", "team-7", "team-8"]
    );
    // Archiving twice changes nothing.
    let before = org.revision().await;
    org.ok(archive(&org, "team-7")).await;
    assert_eq!(org.revision().await, before);
}

async fn a_page_of_nodes_goes_on_after_one_that_was_archived_since(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut request = v1::ListNodesRequest {
        parent: org.name(),
        subtree: org.node("road-a"),
        page_size: 2,
        ..Default::default()
    };
    let first = org.ok(request.clone()).await;
    assert_eq!(first.nodes[1].name, org.node("team-6"));
    org.ok(archive(&org, "team-6")).await;
    org.ok(archive(&org, "team-7")).await;
    request.page_token = first.next_page_token;
    let second = org.ok(request).await;
    let names: Vec<&str> = second.nodes.iter().map(|node| short(&node.name)).collect();
    assert_eq!(names, ["team-8"]);
}

async fn e1_a_move_takes_blockers_to_the_nearest_node_above_both_places(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut held = Vec::new();
    for holder in ["team-1", "rail-a", "rail", "mobility"] {
        let blocker = org.raise("team-1", &format!("held by {holder}")).await;
        if holder != "team-1" {
            org.ok(v1::EscalateBlockerRequest {
                name: blocker.name.clone(),
                to: org.node(holder),
                reason: "to begin with".to_owned(),
                ..Default::default()
            })
            .await;
        }
        held.push(blocker.name);
    }
    let before = org.revision().await;
    let moved = org.ok(relocate(&org, "team-1", "road-a")).await;
    assert_eq!(moved.node.expect("it answers").parent, org.node("road-a"));
    // Only what left the path above its origin moves, and by one step of the log each.
    assert_eq!(moved.reheld_blockers, held[1..3]);
    let mut holders = Vec::new();
    for name in &held {
        holders.push(short(&org.get(name).await.holder).to_owned());
    }
    assert_eq!(holders, ["team-1", "mobility", "mobility", "mobility"]);
    let reheld: Vec<_> = changes(&org.events_after(before).await)
        .into_iter()
        .map(|change| (change.blocker, change.kind))
        .collect();
    assert_eq!(
        reheld,
        [
            (held[1].clone(), v1::BlockerChange::Reheld),
            (held[2].clone(), v1::BlockerChange::Reheld),
        ]
    );
    assert_sound(&server).await;
}

async fn e1_a_move_within_the_holders_subtree_leaves_blockers_alone(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "held by the train").await;
    org.ok(v1::EscalateBlockerRequest {
        name: blocker.name.clone(),
        to: org.node("rail"),
        reason: "to begin with".to_owned(),
        ..Default::default()
    })
    .await;
    let before = org.get(&blocker.name).await;
    let moved = org.ok(relocate(&org, "team-1", "rail-b")).await;
    assert_eq!(moved.reheld_blockers, [""; 0]);
    assert_eq!(org.get(&blocker.name).await, before);
    assert_eq!(org.figures("rail-a").await.open, 0);
    assert_eq!(org.figures("rail-b").await.open, 1);
    assert_sound(&server).await;
}

async fn a_move_that_makes_a_cycle_is_refused(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = org.revision().await;
    for below in ["rail", "rail-a", "team-1"] {
        let cyclic = org.call(relocate(&org, "rail", below)).await;
        refused(cyclic, Code::FailedPrecondition, ErrorReason::CyclicMove);
    }
    let root = org.call(relocate(&org, "acme", "rail")).await;
    refused(root, Code::FailedPrecondition, ErrorReason::RootImmovable);
    assert_eq!(org.revision().await, before);
    // To where it is already is no change.
    org.ok(relocate(&org, "rail", "mobility")).await;
    assert_eq!(org.revision().await, before);
}

async fn e2_archiving_moves_what_the_node_holds_and_closes_its_meeting(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let owned = org.raise("team-1", "owned").await;
    org.ok(v1::OwnBlockerRequest {
        name: owned.name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        commit_time: crate::support::later(&server, crate::support::HOUR),
        ..Default::default()
    })
    .await;
    let solved = org.raise("team-1", "solved in the meeting").await;
    let meeting = org.open("team-1").await;
    org.resolve(&solved.name).await;
    let archived = org.ok(archive(&org, "team-1")).await;
    assert_eq!(archived.reheld_blockers, [owned.name.as_str()]);
    let owned = org.get(&owned.name).await;
    assert_eq!(owned.holder, org.node("rail-a"));
    // Only the tree changed: what the owner said stands.
    assert_eq!(owned.state(), v1::BlockerState::Owned);
    assert_eq!(owned.owner, "tech-lead@example.com");
    let name = meeting.name;
    let meeting = org
        .ok(v1::GetMeetingRequest {
            name,
            ..Default::default()
        })
        .await
        .meeting;
    let meeting = meeting.expect("it is there");
    assert_eq!(meeting.state(), v1::MeetingState::Closed);
    let fates: Vec<_> = meeting.fates.iter().map(v1::BlockerFate::kind).collect();
    use v1::blocker_fate::Kind;
    assert_eq!(fates, [Kind::Solved, Kind::CarriedOver]);
    // It counts where it was raised, archived or not.
    assert_eq!(org.figures("team-1").await.open, 1);
    assert_eq!(org.figures("rail-a").await.open, 1);
    let late = org
        .call(v1::RaiseBlockerRequest {
            parent: org.name(),
            blocker: Some(v1::Blocker {
                origin: org.node("team-1"),
                title: "too late".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        })
        .await;
    refused(late, Code::FailedPrecondition, ErrorReason::NodeArchived);
    assert_sound(&server).await;
}

async fn a_node_with_active_children_is_not_archived(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let parent = org.call(archive(&org, "rail-a")).await;
    refused(
        parent,
        Code::FailedPrecondition,
        ErrorReason::NodeHasChildren,
    );
    let root = org.call(archive(&org, "acme")).await;
    refused(root, Code::FailedPrecondition, ErrorReason::RootImmovable);
    for team in ["team-1", "team-2", "team-3", "rail-a"] {
        org.ok(archive(&org, team)).await;
    }
    assert_eq!(org.get_node("rail").await.child_count, 1);
}
