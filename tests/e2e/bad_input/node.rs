//! `NodeService`.

use echelon_api::v1::{self, ErrorReason, Representative};
use prost_types::Timestamp;

use super::{
    cases::Cases,
    wanted::{archived, field, not_now, taken},
};
use crate::support::{mask, rpc::Rpc};

pub(super) async fn all(cases: &mut Cases<'_>) {
    create(cases).await;
    read(cases).await;
    update(cases).await;
    relocate(cases).await;
    archive(cases).await;
}

/// Representatives that are none, given in `at`.
pub(super) async fn representatives<R: Rpc>(
    cases: &mut Cases<'_>,
    at: &str,
    make: impl Fn(Representative) -> R,
) {
    let base = Representative {
        person: "scrum-master@example.com".to_owned(),
        role: "SCRUM_MASTER".to_owned(),
        ..Default::default()
    };
    let person = |person| {
        make(Representative {
            person,
            ..base.clone()
        })
    };
    cases
        .required_lines(&format!("{at}[0].person"), 200, person)
        .await;
    for role in ["", "scrum master", "É", &"A".repeat(41)] {
        let role = role.to_owned();
        cases
            .refused(
                make(Representative {
                    role,
                    ..base.clone()
                }),
                field(format!("{at}[0].role")),
            )
            .await;
    }
    let start = |start_time| {
        make(Representative {
            start_time,
            ..base.clone()
        })
    };
    cases.times(&format!("{at}[0].start_time"), start).await;
    let end = |end_time| {
        make(Representative {
            end_time,
            ..base.clone()
        })
    };
    cases.times(&format!("{at}[0].end_time"), end).await;
    let noon = Some(Timestamp {
        seconds: 43_200,
        nanos: 0,
    });
    let empty = make(Representative {
        start_time: noon,
        end_time: noon,
        ..base.clone()
    });
    cases
        .refused(empty, field(format!("{at}[0].end_time")))
        .await;
}

async fn create(cases: &mut Cases<'_>) {
    type Request = v1::CreateNodeRequest;
    let acme = &cases.world.acme;
    let node = v1::Node {
        parent: acme.node("rail-a"),
        level: "TEAM".to_owned(),
        ..Default::default()
    };
    let base = Request {
        parent: acme.name(),
        node_id: "fresh".to_owned(),
        node: Some(node.clone()),
        ..Default::default()
    };
    let with = |node| Request {
        node: Some(node),
        ..base.clone()
    };
    let (gone, team) = (acme.node("team-8"), acme.node("team-1"));

    // Beside another organization, the node's parent is a foreign one.
    for parent in ["", "acme", "organizations/acme/nodes/rail"] {
        let parent = parent.to_owned();
        cases
            .refused(
                Request {
                    parent,
                    ..base.clone()
                },
                field("parent"),
            )
            .await;
    }
    let nowhere = Request {
        parent: "organizations/nowhere".to_owned(),
        node: Some(v1::Node {
            parent: "organizations/nowhere/nodes/x".to_owned(),
            ..node.clone()
        }),
        ..base.clone()
    };
    cases
        .refused(nowhere, super::wanted::missing("organization"))
        .await;
    cases
        .refused(
            Request {
                node: None,
                ..base.clone()
            },
            field("node"),
        )
        .await;
    for id in ["", "A", "a_b", "-a", "é", "a/b", &"a".repeat(64)] {
        let node_id = id.to_owned();
        cases
            .refused(
                Request {
                    node_id,
                    ..base.clone()
                },
                field("node_id"),
            )
            .await;
    }
    for id in ["rail", "acme", "team-8"] {
        let node_id = id.to_owned();
        cases
            .refused(
                Request {
                    node_id,
                    ..base.clone()
                },
                taken("node"),
            )
            .await;
    }
    cases
        .other_nodes("node.parent", |parent| {
            with(v1::Node {
                parent,
                ..node.clone()
            })
        })
        .await;
    cases
        .refused(
            with(v1::Node {
                parent: String::new(),
                ..node.clone()
            }),
            field("node.parent"),
        )
        .await;
    cases
        .refused(
            with(v1::Node {
                parent: gone,
                ..node.clone()
            }),
            archived(),
        )
        .await;
    for level in ["", "team", "A B", &"A".repeat(41)] {
        let level = level.to_owned();
        cases
            .refused(
                with(v1::Node {
                    level,
                    ..node.clone()
                }),
                field("node.level"),
            )
            .await;
    }
    cases
        .lines("node.display_name", 200, |display_name| {
            with(v1::Node {
                display_name,
                ..node.clone()
            })
        })
        .await;
    let speaker = |one: Representative| {
        with(v1::Node {
            representatives: vec![one],
            ..node.clone()
        })
    };
    representatives(cases, "node.representatives", speaker).await;
    let one = Representative {
        person: "rte@example.com".to_owned(),
        role: "RTE".to_owned(),
        ..Default::default()
    };
    let crowd = v1::Node {
        representatives: vec![one; 201],
        parent: team,
        ..node.clone()
    };
    cases
        .refused(with(crowd), field("node.representatives"))
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;
}

async fn read(cases: &mut Cases<'_>) {
    cases
        .node_names("name", |name| v1::GetNodeRequest {
            name,
            ..Default::default()
        })
        .await;
    let name = cases.world.acme.node("rail");
    cases
        .min_revisions(|min_revision| v1::GetNodeRequest {
            name: name.clone(),
            min_revision,
        })
        .await;

    type List = v1::ListNodesRequest;
    let base = List {
        parent: cases.world.acme.name(),
        ..Default::default()
    };
    cases
        .organization_names("parent", |parent| List {
            parent,
            ..base.clone()
        })
        .await;
    cases
        .other_nodes("subtree", |subtree| List {
            subtree,
            ..base.clone()
        })
        .await;
    for max_depth in [-1, i32::MIN] {
        cases
            .refused(
                List {
                    max_depth,
                    ..base.clone()
                },
                field("max_depth"),
            )
            .await;
    }
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
    // A token of the same list with another filter is of no use either.
    let first = cases
        .world
        .acme
        .ok(List {
            page_size: 1,
            ..base.clone()
        })
        .await;
    let level = "TEAM".to_owned();
    let page_token = first.next_page_token;
    cases
        .refused(
            List {
                level,
                page_token,
                ..base.clone()
            },
            super::wanted::page_token(),
        )
        .await;
}

async fn update(cases: &mut Cases<'_>) {
    type Request = v1::UpdateNodeRequest;
    let acme = &cases.world.acme;
    let gone = acme.node("team-8");
    let node = v1::Node {
        name: acme.node("rail-a"),
        display_name: "New name".to_owned(),
        ..Default::default()
    };
    let with = |node| Request {
        node: Some(node),
        ..Default::default()
    };
    cases.refused(Request::default(), field("node")).await;
    cases
        .node_names("node.name", |name| {
            with(v1::Node {
                name,
                ..node.clone()
            })
        })
        .await;
    cases
        .lines("node.display_name", 200, |display_name| {
            with(v1::Node {
                display_name,
                ..node.clone()
            })
        })
        .await;
    for level in ["team", "A B", &"A".repeat(41)] {
        let level = level.to_owned();
        cases
            .refused(
                with(v1::Node {
                    level,
                    ..node.clone()
                }),
                field("node.level"),
            )
            .await;
    }
    for (path, at) in [
        ("level", "node.level"),
        ("display_name", "node.display_name"),
    ] {
        let emptied = v1::Node {
            name: node.name.clone(),
            ..Default::default()
        };
        let emptied = Request {
            update_mask: mask(&[path]),
            ..with(emptied)
        };
        cases.refused(emptied, field(at)).await;
    }
    let speaker = |one: Representative| {
        with(v1::Node {
            representatives: vec![one],
            ..node.clone()
        })
    };
    representatives(cases, "node.representatives", speaker).await;
    cases
        .masks(|update_mask| Request {
            update_mask,
            ..with(node.clone())
        })
        .await;
    cases
        .refused(
            with(v1::Node {
                name: gone,
                ..node.clone()
            }),
            archived(),
        )
        .await;
    cases
        .etags("node.etag", |etag| {
            with(v1::Node {
                etag,
                ..node.clone()
            })
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..with(node.clone())
        })
        .await;
}

async fn relocate(cases: &mut Cases<'_>) {
    type Request = v1::MoveNodeRequest;
    let acme = cases.world.acme.clone();
    let base = Request {
        name: acme.node("rail-a"),
        new_parent: acme.node("road"),
        ..Default::default()
    };
    for name in [
        "",
        "rail-a",
        "organizations/acme",
        "organizations/acme/nodes/RAIL",
    ] {
        let name = name.to_owned();
        cases
            .refused(
                Request {
                    name,
                    ..base.clone()
                },
                field("name"),
            )
            .await;
    }
    let name = acme.node("nowhere");
    cases
        .refused(
            Request {
                name,
                ..base.clone()
            },
            super::wanted::missing("node"),
        )
        .await;
    let nowhere = Request {
        name: "organizations/nowhere/nodes/x".to_owned(),
        new_parent: "organizations/nowhere/nodes/y".to_owned(),
        ..Default::default()
    };
    cases
        .refused(nowhere, super::wanted::missing("organization"))
        .await;
    cases
        .other_nodes("new_parent", |new_parent| Request {
            new_parent,
            ..base.clone()
        })
        .await;
    let new_parent = String::new();
    cases
        .refused(
            Request {
                new_parent,
                ..base.clone()
            },
            field("new_parent"),
        )
        .await;
    for (node, new_parent, wanted) in [
        ("rail", "rail", not_now(ErrorReason::CyclicMove)),
        ("rail", "rail-a", not_now(ErrorReason::CyclicMove)),
        ("rail", "team-1", not_now(ErrorReason::CyclicMove)),
        ("acme", "rail", not_now(ErrorReason::RootImmovable)),
        ("rail-a", "team-8", archived()),
        ("team-8", "rail-a", archived()),
    ] {
        let request = Request {
            name: acme.node(node),
            new_parent: acme.node(new_parent),
            ..Default::default()
        };
        cases.refused(request, wanted).await;
    }
    cases
        .etags("etag", |etag| Request {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;
}

async fn archive(cases: &mut Cases<'_>) {
    type Request = v1::ArchiveNodeRequest;
    let acme = cases.world.acme.clone();
    let base = Request {
        name: acme.node("team-7"),
        ..Default::default()
    };
    cases
        .node_names("name", |name| Request {
            name,
            ..base.clone()
        })
        .await;
    let name = acme.node("acme");
    cases
        .refused(
            Request {
                name,
                ..base.clone()
            },
            not_now(ErrorReason::RootImmovable),
        )
        .await;
    let name = acme.node("rail-a");
    cases
        .refused(
            Request {
                name,
                ..base.clone()
            },
            not_now(ErrorReason::NodeHasChildren),
        )
        .await;
    cases
        .etags("etag", |etag| Request {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;
}
