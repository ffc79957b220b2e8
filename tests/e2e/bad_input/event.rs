//! `EventService`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use echelon_api::v1::{self, ErrorReason};
use prost_types::Duration;

use super::{
    cases::Cases,
    wanted::{Wanted, field, future, missing, not_now, page_token, resume_token},
};

pub(super) async fn all(cases: &mut Cases<'_>) {
    list(cases).await;
    watch(cases).await;
    tokens(cases).await;
}

type List = v1::ListEventsRequest;
type Watch = v1::WatchEventsRequest;

async fn list(cases: &mut Cases<'_>) {
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
    for after_revision in [-1, i64::MIN] {
        cases
            .refused(
                List {
                    after_revision,
                    ..base.clone()
                },
                field("after_revision"),
            )
            .await;
    }
    for after_revision in [4711, i64::MAX] {
        cases
            .refused(
                List {
                    after_revision,
                    ..base.clone()
                },
                future(),
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
    let first = cases
        .world
        .acme
        .ok(List {
            page_size: 1,
            ..base.clone()
        })
        .await;
    let subtree = cases.world.acme.node("rail");
    let request = List {
        subtree,
        page_token: first.next_page_token,
        ..base.clone()
    };
    cases.refused(request, page_token()).await;
    // A resume token is no page token.
    cases
        .refused(
            List {
                page_token: first.resume_token,
                ..base.clone()
            },
            page_token(),
        )
        .await;
}

async fn watch(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();
    let base = Watch {
        parent: acme.name(),
        ..Default::default()
    };
    for parent in ["", "acme", "organizations/acme/nodes/rail"] {
        let parent = parent.to_owned();
        refused(
            cases,
            Watch {
                parent,
                ..base.clone()
            },
            field("parent"),
        )
        .await;
    }
    let parent = "organizations/nowhere".to_owned();
    refused(
        cases,
        Watch {
            parent,
            ..base.clone()
        },
        missing("organization"),
    )
    .await;
    for subtree in [
        "rail".to_owned(),
        acme.name(),
        cases.world.other.node("other"),
    ] {
        refused(
            cases,
            Watch {
                subtree,
                ..base.clone()
            },
            field("subtree"),
        )
        .await;
    }
    let subtree = acme.node("nowhere");
    refused(
        cases,
        Watch {
            subtree,
            ..base.clone()
        },
        missing("node"),
    )
    .await;
    for (seconds, nanos) in [
        (0, 0),
        (0, 999_999_999),
        (601, 0),
        (-1, 0),
        (1, -1),
        (i64::MAX, 0),
    ] {
        let heartbeat = Some(Duration { seconds, nanos });
        refused(
            cases,
            Watch {
                heartbeat,
                ..base.clone()
            },
            field("heartbeat"),
        )
        .await;
    }
}

/// Resume tokens that are none, or of another history.
async fn tokens(cases: &mut Cases<'_>) {
    let (acme, other) = (cases.world.acme.clone(), cases.world.other.clone());
    let base = Watch {
        parent: acme.name(),
        ..Default::default()
    };
    let own = acme
        .ok(List {
            parent: acme.name(),
            ..Default::default()
        })
        .await
        .resume_token;
    let foreign = other
        .ok(List {
            parent: other.name(),
            ..Default::default()
        })
        .await
        .resume_token;
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(&own).unwrap()).unwrap();
    let parts: Vec<&str> = plain.split('/').collect();
    let [version, organization, epoch, revision] = parts[..] else {
        panic!("a token has four parts: {plain}");
    };
    let token = |parts: [&str; 4]| URL_SAFE_NO_PAD.encode(parts.join("/"));
    for garbage in [
        "x".to_owned(),
        "é".to_owned(),
        "====".to_owned(),
        own[1..].to_owned(),
        format!("{own}AAAA"),
        "A".repeat(100_000),
        URL_SAFE_NO_PAD.encode([0xff, 0xfe]),
        token(["2", organization, epoch, revision]),
        token([version, organization, epoch, "-1"]),
        token([version, organization, epoch, "x"]),
        token([version, "ACME", epoch, revision]),
    ] {
        let resume_token_given = Watch {
            resume_token: garbage,
            ..base.clone()
        };
        refused(cases, resume_token_given, resume_token()).await;
    }
    let of_another_history = token([version, organization, "0000", revision]);
    for resume_token in [foreign, of_another_history] {
        let request = Watch {
            resume_token,
            ..base.clone()
        };
        refused(cases, request, not_now(ErrorReason::ForeignResumeToken)).await;
    }
    for revision in ["4711", &i64::MAX.to_string()] {
        let resume_token = token([version, organization, epoch, revision]);
        refused(
            cases,
            Watch {
                resume_token,
                ..base.clone()
            },
            future(),
        )
        .await;
    }
}

async fn refused(cases: &mut Cases<'_>, request: Watch, wanted: Wanted) {
    let told = format!("{request:?}");
    let result = cases.world.server.events().watch_events(request).await;
    cases.judge("WatchEvents", &told, result, &wanted);
}
