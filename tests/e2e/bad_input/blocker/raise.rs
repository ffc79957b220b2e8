//! Raising, and content that a raise and an update refuse alike.

use std::collections::BTreeMap;

use echelon_api::v1;

use super::super::{
    cases::Cases,
    wanted::{archived, field, missing},
};
use crate::support::rpc::Rpc;

pub(super) async fn raise(cases: &mut Cases<'_>) {
    type Request = v1::RaiseBlockerRequest;
    let acme = cases.world.acme.clone();
    let blocker = v1::Blocker {
        origin: acme.node("team-1"),
        title: "No test data".to_owned(),
        ..Default::default()
    };
    let base = Request {
        parent: acme.name(),
        blocker: Some(blocker.clone()),
        ..Default::default()
    };
    let with = |blocker| Request {
        blocker: Some(blocker),
        ..base.clone()
    };
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
        blocker: Some(v1::Blocker {
            origin: "organizations/nowhere/nodes/x".to_owned(),
            ..blocker.clone()
        }),
        ..Default::default()
    };
    cases.refused(nowhere, missing("organization")).await;
    cases
        .refused(
            Request {
                blocker: None,
                ..base.clone()
            },
            field("blocker"),
        )
        .await;
    cases
        .refused(with(v1::Blocker::default()), field("blocker.origin"))
        .await;
    cases
        .other_nodes("blocker.origin", |origin| {
            with(v1::Blocker {
                origin,
                ..blocker.clone()
            })
        })
        .await;
    let origin = acme.node("team-8");
    cases
        .refused(
            with(v1::Blocker {
                origin,
                ..blocker.clone()
            }),
            archived(),
        )
        .await;
    content(cases, &blocker, &with).await;
    cases
        .required_lines("blocker.title", 200, |title| {
            with(v1::Blocker {
                title,
                ..blocker.clone()
            })
        })
        .await;
    cases
        .lines("blocker.dedupe_key", 200, |dedupe_key| {
            with(v1::Blocker {
                dedupe_key,
                ..blocker.clone()
            })
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;
}

/// Content that a raise and an update refuse alike.
pub(super) async fn content<R: Rpc>(
    cases: &mut Cases<'_>,
    blocker: &v1::Blocker,
    with: &impl Fn(v1::Blocker) -> R,
) {
    let acme = cases.world.acme.clone();
    let like = || blocker.clone();
    cases
        .bodies("blocker.description", 10_000, |description| {
            with(v1::Blocker {
                description,
                ..like()
            })
        })
        .await;
    cases
        .lines("blocker.category", 60, |category| {
            with(v1::Blocker { category, ..like() })
        })
        .await;
    cases
        .enums("blocker.severity", |severity| {
            with(v1::Blocker { severity, ..like() })
        })
        .await;
    cases
        .times("blocker.due_time", |due_time| {
            with(v1::Blocker { due_time, ..like() })
        })
        .await;
    let blocked = |name| {
        with(v1::Blocker {
            blocked_nodes: vec![name],
            ..like()
        })
    };
    cases.other_nodes("blocker.blocked_nodes[0]", blocked).await;
    let causing = |name| {
        with(v1::Blocker {
            causing_nodes: vec![name],
            ..like()
        })
    };
    cases.other_nodes("blocker.causing_nodes[0]", causing).await;
    let crowd = vec![acme.node("rail"); 51];
    let blocked = v1::Blocker {
        blocked_nodes: crowd.clone(),
        ..like()
    };
    cases
        .refused(with(blocked), field("blocker.blocked_nodes"))
        .await;
    let causing = v1::Blocker {
        causing_nodes: crowd,
        ..like()
    };
    cases
        .refused(with(causing), field("blocker.causing_nodes"))
        .await;
    let label = |key: &str, value: &str| {
        let labels = BTreeMap::from([(key.to_owned(), value.to_owned())]);
        with(v1::Blocker { labels, ..like() })
    };
    for key in ["", "a\nb", &"a".repeat(61)] {
        cases
            .refused(label(key, "x"), field("blocker.labels.key"))
            .await;
    }
    for value in ["a\0b", &"a".repeat(201)] {
        cases
            .refused(label("x", value), field("blocker.labels.value"))
            .await;
    }
    let labels = (0..33)
        .map(|number| (format!("key-{number}"), String::new()))
        .collect();
    cases
        .refused(
            with(v1::Blocker { labels, ..like() }),
            field("blocker.labels"),
        )
        .await;
    let reference = |external_reference| {
        with(v1::Blocker {
            external_reference,
            ..like()
        })
    };
    cases
        .lines("blocker.external_reference", 2_000, reference)
        .await;
    for text in [
        "TRACKER-1",
        "ftp://example.com/1",
        "javascript:alert(1)",
        "//example.com",
    ] {
        cases
            .refused(
                reference(text.to_owned()),
                field("blocker.external_reference"),
            )
            .await;
    }
}
