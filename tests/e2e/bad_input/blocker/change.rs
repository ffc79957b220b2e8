//! Editing, acknowledging, owning and holding.

use echelon_api::v1;

use super::super::{cases::Cases, wanted::field};
use super::raise::content;
use crate::support::{DAY, HOUR, later, mask};

pub(super) async fn update(cases: &mut Cases<'_>) {
    type Request = v1::UpdateBlockerRequest;
    let blocker = v1::Blocker {
        name: cases.world.open.clone(),
        title: "New title".to_owned(),
        ..Default::default()
    };
    let with = |blocker| Request {
        blocker: Some(blocker),
        ..Default::default()
    };
    cases.refused(Request::default(), field("blocker")).await;
    cases
        .blocker_names("blocker.name", |name| {
            with(v1::Blocker {
                name,
                ..blocker.clone()
            })
        })
        .await;
    content(cases, &blocker, &with).await;
    cases
        .lines("blocker.title", 200, |title| {
            with(v1::Blocker {
                title,
                ..blocker.clone()
            })
        })
        .await;
    let untitled = v1::Blocker {
        title: String::new(),
        ..blocker.clone()
    };
    let untitled = Request {
        update_mask: mask(&["title"]),
        ..with(untitled)
    };
    cases.refused(untitled, field("blocker.title")).await;
    cases
        .masks(|update_mask| Request {
            update_mask,
            ..with(blocker.clone())
        })
        .await;
    for path in [
        "holder",
        "state",
        "origin",
        "owner",
        "dedupe_key",
        "reporter",
    ] {
        let request = Request {
            update_mask: mask(&[path]),
            ..with(blocker.clone())
        };
        cases.refused(request, field("update_mask")).await;
    }
    cases
        .etags("blocker.etag", |etag| {
            with(v1::Blocker {
                etag,
                ..blocker.clone()
            })
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..with(blocker.clone())
        })
        .await;
}

/// Acknowledging, owning and holding.
pub(super) async fn pause(cases: &mut Cases<'_>) {
    let open = cases.world.open.clone();
    let soon = later(&cases.world.server, HOUR);
    let too_late = later(&cases.world.server, 31 * DAY);

    type Acknowledge = v1::AcknowledgeBlockerRequest;
    let base = Acknowledge {
        name: open.clone(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Acknowledge {
            name,
            ..base.clone()
        })
        .await;
    cases
        .past_times("expire_time", |expire_time| Acknowledge {
            expire_time,
            ..base.clone()
        })
        .await;
    let beyond = Acknowledge {
        expire_time: too_late,
        ..base.clone()
    };
    cases
        .refused(beyond, field("expire_time").saying("hold_limit"))
        .await;
    cases
        .etags("etag", |etag| Acknowledge {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Acknowledge {
            request_id,
            ..base.clone()
        })
        .await;

    type Own = v1::OwnBlockerRequest;
    let base = Own {
        name: open.clone(),
        owner: "architect@example.com".to_owned(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Own {
            name,
            ..base.clone()
        })
        .await;
    cases
        .required_lines("owner", 200, |owner| Own {
            owner,
            ..base.clone()
        })
        .await;
    cases
        .past_times("commit_time", |commit_time| Own {
            commit_time,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Own {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Own {
            request_id,
            ..base.clone()
        })
        .await;

    type Hold = v1::HoldBlockerRequest;
    let base = Hold {
        name: open,
        expire_time: soon,
        approver: "rte@example.com".to_owned(),
        ..Default::default()
    };
    cases
        .blocker_names("name", |name| Hold {
            name,
            ..base.clone()
        })
        .await;
    cases
        .refused(
            Hold {
                expire_time: None,
                ..base.clone()
            },
            field("expire_time"),
        )
        .await;
    cases
        .past_times("expire_time", |expire_time| Hold {
            expire_time,
            ..base.clone()
        })
        .await;
    let beyond = Hold {
        expire_time: too_late,
        ..base.clone()
    };
    cases
        .refused(beyond, field("expire_time").saying("hold_limit"))
        .await;
    cases
        .required_lines("approver", 200, |approver| Hold {
            approver,
            ..base.clone()
        })
        .await;
    cases
        .bodies("reason", 10_000, |reason| Hold {
            reason,
            ..base.clone()
        })
        .await;
    cases
        .etags("etag", |etag| Hold {
            etag,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Hold {
            request_id,
            ..base.clone()
        })
        .await;
}
