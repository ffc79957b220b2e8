//! `OrganizationService`.

use echelon_api::v1::{self, NodeDeclaration, OrganizationSettings};
use prost_types::Duration;

use super::{
    cases::Cases,
    wanted::{field, taken},
};
use crate::support::{refusal::faults, sample};

pub(super) async fn all(cases: &mut Cases<'_>) {
    create(cases).await;
    read(cases).await;
    update(cases).await;
    apply(cases).await;
    trees(cases).await;
}

/// Spans that a setting cannot have, though they are well-formed.
const UNFIT: [i64; 2] = [0, 367 * 86_400];

fn settings(aged_after: Option<Duration>) -> Option<OrganizationSettings> {
    Some(OrganizationSettings {
        aged_after,
        ..Default::default()
    })
}

async fn create(cases: &mut Cases<'_>) {
    type Request = v1::CreateOrganizationRequest;
    let base = Request {
        organization_id: "fresh".to_owned(),
        ..Default::default()
    };
    let with = |organization: v1::Organization| Request {
        organization: Some(organization),
        ..base.clone()
    };
    for id in ["", "A", "a_b", "-a", "é", "a/b", "a\0", &"a".repeat(64)] {
        let organization_id = id.to_owned();
        cases
            .refused(
                Request {
                    organization_id,
                    ..base.clone()
                },
                field("organization_id"),
            )
            .await;
        if !id.is_empty() {
            let root_node_id = id.to_owned();
            cases
                .refused(
                    Request {
                        root_node_id,
                        ..base.clone()
                    },
                    field("root_node_id"),
                )
                .await;
        }
    }
    for level in ["team", "A B", "É", &"A".repeat(41)] {
        let root_level = level.to_owned();
        cases
            .refused(
                Request {
                    root_level,
                    ..base.clone()
                },
                field("root_level"),
            )
            .await;
    }
    let display_name = |display_name| {
        with(v1::Organization {
            display_name,
            ..Default::default()
        })
    };
    cases
        .lines("organization.display_name", 200, display_name)
        .await;
    let aged_after = |aged_after| {
        with(v1::Organization {
            settings: settings(aged_after),
            ..Default::default()
        })
    };
    cases
        .spans("organization.settings.aged_after", aged_after)
        .await;
    for seconds in UNFIT {
        let unfit = aged_after(Some(Duration { seconds, nanos: 0 }));
        cases
            .refused(unfit, field("organization.settings.aged_after"))
            .await;
    }
    let organization_id = "acme".to_owned();
    cases
        .refused(
            Request {
                organization_id,
                ..base.clone()
            },
            taken("organization"),
        )
        .await;
    // A request id belongs to an organization: a new one has none.
    for request_id in ["a b", "é", &"a".repeat(129)] {
        let request_id = request_id.to_owned();
        cases
            .refused(
                Request {
                    request_id,
                    ..base.clone()
                },
                field("request_id"),
            )
            .await;
    }
}

async fn read(cases: &mut Cases<'_>) {
    cases
        .organization_names("name", |name| v1::GetOrganizationRequest {
            name,
            ..Default::default()
        })
        .await;
    let name = cases.world.acme.name();
    cases
        .min_revisions(|min_revision| v1::GetOrganizationRequest {
            name: name.clone(),
            min_revision,
        })
        .await;
    cases
        .pages(|page_size, page_token| v1::ListOrganizationsRequest {
            page_size,
            page_token,
        })
        .await;
}

async fn update(cases: &mut Cases<'_>) {
    type Request = v1::UpdateOrganizationRequest;
    let organization = v1::Organization {
        name: cases.world.acme.name(),
        display_name: "New name".to_owned(),
        ..Default::default()
    };
    let with = |organization| Request {
        organization: Some(organization),
        ..Default::default()
    };
    cases
        .refused(Request::default(), field("organization"))
        .await;
    cases
        .organization_names("organization.name", |name| {
            with(v1::Organization {
                name,
                ..organization.clone()
            })
        })
        .await;
    cases
        .lines("organization.display_name", 200, |display_name| {
            with(v1::Organization {
                display_name,
                ..organization.clone()
            })
        })
        .await;
    let aged_after = |aged_after| {
        with(v1::Organization {
            settings: settings(aged_after),
            ..organization.clone()
        })
    };
    cases
        .spans("organization.settings.aged_after", aged_after)
        .await;
    for seconds in UNFIT {
        let unfit = aged_after(Some(Duration { seconds, nanos: 0 }));
        cases
            .refused(unfit, field("organization.settings.aged_after"))
            .await;
    }
    cases
        .masks(|update_mask| Request {
            update_mask,
            ..with(organization.clone())
        })
        .await;
    let nameless = v1::Organization {
        display_name: String::new(),
        ..organization.clone()
    };
    let nameless = Request {
        update_mask: crate::support::mask(&["display_name"]),
        ..with(nameless)
    };
    cases
        .refused(nameless, field("organization.display_name"))
        .await;
    cases
        .etags("organization.etag", |etag| {
            with(v1::Organization {
                etag,
                ..organization.clone()
            })
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..with(organization.clone())
        })
        .await;
}

type Apply = v1::ApplyOrganizationRequest;

/// The sample organization, declared as it is.
fn declared(cases: &Cases<'_>) -> Apply {
    Apply {
        name: cases.world.acme.name(),
        nodes: sample::declarations(),
        ..Default::default()
    }
}

/// It, with one more node.
fn and(base: &Apply, node: NodeDeclaration) -> Apply {
    let mut request = base.clone();
    request.nodes.push(node);
    request
}

async fn apply(cases: &mut Cases<'_>) {
    let base = declared(cases);
    let last = format!("nodes[{}]", base.nodes.len());
    let at = |part: &str| format!("{last}.{part}");
    let node = sample::declaration("team-9", "rail-a", "TEAM");
    for name in [
        "",
        "acme",
        "organizations/Acme",
        "organizations/acme/nodes/rail",
    ] {
        let name = name.to_owned();
        cases
            .refused(
                Apply {
                    name,
                    ..base.clone()
                },
                field("name"),
            )
            .await;
    }
    for id in ["", "A", "a_b", "é", &"a".repeat(64)] {
        let id = id.to_owned();
        let with = and(
            &base,
            NodeDeclaration {
                id: id.clone(),
                ..node.clone()
            },
        );
        cases.refused(with, field(at("id"))).await;
        if !id.is_empty() {
            let with = and(
                &base,
                NodeDeclaration {
                    parent: id,
                    ..node.clone()
                },
            );
            cases.refused(with, field(at("parent"))).await;
        }
    }
    for level in ["", "team", &"A".repeat(41)] {
        let level = level.to_owned();
        cases
            .refused(
                and(
                    &base,
                    NodeDeclaration {
                        level,
                        ..node.clone()
                    },
                ),
                field(at("level")),
            )
            .await;
    }
    cases
        .lines(&at("display_name"), 200, |display_name| {
            and(
                &base,
                NodeDeclaration {
                    display_name,
                    ..node.clone()
                },
            )
        })
        .await;
    let speaker = |representative: v1::Representative| {
        let representatives = vec![representative];
        and(
            &base,
            NodeDeclaration {
                representatives,
                ..node.clone()
            },
        )
    };
    super::node::representatives(cases, &at("representatives"), speaker).await;
    cases
        .lines("display_name", 200, |display_name| Apply {
            display_name,
            ..base.clone()
        })
        .await;
    cases
        .spans("settings.aged_after", |span| Apply {
            settings: settings(span),
            ..base.clone()
        })
        .await;
    for seconds in UNFIT {
        let settings = settings(Some(Duration { seconds, nanos: 0 }));
        cases
            .refused(
                Apply {
                    settings,
                    ..base.clone()
                },
                field("settings.aged_after"),
            )
            .await;
    }
    cases
        .request_ids(|request_id| Apply {
            request_id,
            ..base.clone()
        })
        .await;
}

/// Trees that are none. A plan of them is refused as well.
async fn trees(cases: &mut Cases<'_>) {
    let base = declared(cases);
    let last = base.nodes.len();
    let without_root: Vec<NodeDeclaration> = base.nodes[1..].to_vec();
    let mut cycle = base.nodes.clone();
    cycle[4].parent = "team-1".to_owned();
    let mut renamed = base.nodes.clone();
    renamed[0].id = "beta".to_owned();
    for node in &mut renamed {
        if node.parent == "acme" {
            node.parent = "beta".to_owned();
        }
    }
    let many = (0..100_001).map(|number| sample::declaration(&format!("n{number}"), "acme", "T"));
    for (nodes, wanted) in [
        (Vec::new(), field("nodes").saying("declare 1 to")),
        (without_root, field("nodes").saying("has no root")),
        (cycle, field("nodes").saying("cycle of parents")),
        (renamed, field("nodes[0].id").saying("cannot become")),
        (many.collect(), field("nodes").saying("declare 1 to")),
    ] {
        for validate_only in [false, true] {
            let nodes = nodes.clone();
            cases
                .refused(
                    Apply {
                        nodes,
                        validate_only,
                        ..base.clone()
                    },
                    wanted.clone(),
                )
                .await;
        }
    }
    for (node, wanted) in [
        (
            sample::declaration("rail", "acme", "TRAIN"),
            field(format!("nodes[{last}].id")),
        ),
        (
            sample::declaration("beta", "", "TRAIN"),
            field(format!("nodes[{last}].parent")),
        ),
        (
            sample::declaration("beta", "nowhere", "TRAIN"),
            field(format!("nodes[{last}].parent")),
        ),
    ] {
        cases.refused(and(&base, node), wanted).await;
    }
    several_faults(cases, &base).await;
}

/// Every fault is named at once, as far as a status has room; a document that is faulty all over still gets an answer.
async fn several_faults(cases: &mut Cases<'_>, base: &Apply) {
    let mut request = base.clone();
    for node in &mut request.nodes {
        node.level.clear();
    }
    let status = cases.world.acme.call(request.clone()).await.unwrap_err();
    let count = faults(&status).len();
    assert_eq!(count, base.nodes.len(), "{status:?}");
    request.nodes = (0..5_000)
        .map(|number| sample::declaration(&"É".repeat(200), &format!("p{number}"), "é"))
        .collect();
    cases.refused(request, field("nodes[0].id")).await;
}
