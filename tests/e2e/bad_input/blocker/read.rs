//! Listing, reading and commenting.

use echelon_api::v1;

use super::super::{
    cases::Cases,
    wanted::{field, page_token},
};

pub(super) async fn list(cases: &mut Cases<'_>) {
    type Request = v1::ListBlockersRequest;
    let base = Request {
        parent: cases.world.acme.name(),
        ..Default::default()
    };
    cases
        .organization_names("parent", |parent| Request {
            parent,
            ..base.clone()
        })
        .await;
    cases
        .other_nodes("node", |node| Request {
            node,
            ..base.clone()
        })
        .await;
    cases
        .other_nodes("holder", |holder| Request {
            holder,
            ..base.clone()
        })
        .await;
    cases
        .enums("scope", |scope| Request {
            scope,
            ..base.clone()
        })
        .await;
    cases
        .enums("states", |state| Request {
            states: vec![1, state],
            ..base.clone()
        })
        .await;
    cases
        .enums("severities", |severity| Request {
            severities: vec![severity],
            ..base.clone()
        })
        .await;
    cases
        .enums("escalation_state", |escalation_state| Request {
            escalation_state,
            ..base.clone()
        })
        .await;
    cases
        .spans("min_age", |min_age| Request {
            min_age,
            ..base.clone()
        })
        .await;
    for order_by in [
        "title",
        "number up",
        "number desc desc",
        "number; DROP TABLE blocker",
        "number, severity",
    ] {
        let order_by = order_by.to_owned();
        cases
            .refused(
                Request {
                    order_by,
                    ..base.clone()
                },
                field("order_by"),
            )
            .await;
    }
    cases
        .pages(|page_size, page_token| Request {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;
    cases
        .min_revisions(|min_revision| Request {
            min_revision,
            ..base.clone()
        })
        .await;
    let first = cases
        .world
        .acme
        .ok(Request {
            page_size: 1,
            ..base.clone()
        })
        .await;
    let other = Request {
        unowned: true,
        page_token: first.next_page_token,
        ..base.clone()
    };
    cases.refused(other, page_token()).await;
}

pub(super) async fn read(cases: &mut Cases<'_>) {
    let world = cases.world;
    cases
        .blocker_names("name", |name| v1::GetBlockerRequest {
            name,
            ..Default::default()
        })
        .await;
    cases
        .blocker_names("name", |name| v1::ExplainBlockerRequest {
            name,
            ..Default::default()
        })
        .await;

    cases
        .min_revisions(|min_revision| v1::GetBlockerRequest {
            name: world.open.clone(),
            min_revision,
        })
        .await;
    cases
        .min_revisions(|min_revision| v1::ExplainBlockerRequest {
            name: world.open.clone(),
            min_revision,
        })
        .await;

    type History = v1::ListBlockerHistoryRequest;
    let base = History {
        name: cases.world.open.clone(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| History {
            name,
            ..base.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| History {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;

    cases
        .min_revisions(|min_revision| History {
            min_revision,
            ..base.clone()
        })
        .await;

    type Comment = v1::CommentOnBlockerRequest;
    let base = Comment {
        name: cases.world.open.clone(),
        text: "Still there".to_owned(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Comment {
            name,
            ..base.clone()
        })
        .await;
    cases
        .required_bodies("text", 10_000, |text| Comment {
            text,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Comment {
            request_id,
            ..base.clone()
        })
        .await;
}
