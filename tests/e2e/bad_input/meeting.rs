//! `MeetingService`.

use echelon_api::v1::{self, BlockingClaim, CheckInBlocker, ErrorReason};

use super::{
    cases::Cases,
    wanted::{archived, field, missing, not_now},
};

pub(super) async fn all(cases: &mut Cases<'_>) {
    open(cases).await;
    check_in(cases).await;
    named_blockers(cases).await;
    claims(cases).await;
    read(cases).await;
}

async fn open(cases: &mut Cases<'_>) {
    type Request = v1::OpenMeetingRequest;
    let acme = cases.world.acme.clone();
    let base = Request {
        node: acme.node("team-1"),
        ..Default::default()
    };
    cases
        .node_names("node", |node| Request {
            node,
            ..base.clone()
        })
        .await;
    let node = acme.node("team-8");
    cases
        .refused(
            Request {
                node,
                ..base.clone()
            },
            archived(),
        )
        .await;
    let node = acme.node("rail-a");
    cases
        .refused(
            Request {
                node,
                ..base.clone()
            },
            not_now(ErrorReason::MeetingOpen),
        )
        .await;
    cases
        .lines("title", 200, |title| Request {
            title,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Request {
            request_id,
            ..base.clone()
        })
        .await;

    type Close = v1::CloseMeetingRequest;
    let base = Close {
        name: cases.world.meeting.clone(),
        ..Default::default()
    };
    cases
        .meeting_names("name", |name| Close {
            name,
            ..base.clone()
        })
        .await;
    cases
        .request_ids(|request_id| Close {
            request_id,
            ..base.clone()
        })
        .await;
}

type Submit = v1::SubmitCheckInRequest;

/// A check-in of a team to the open meeting.
fn submitted(cases: &Cases<'_>) -> (Submit, v1::CheckIn) {
    let check_in = v1::CheckIn {
        node: cases.world.acme.node("team-1"),
        ..Default::default()
    };
    let request = Submit {
        meeting: cases.world.meeting.clone(),
        check_in: Some(check_in.clone()),
        ..Default::default()
    };
    (request, check_in)
}

async fn check_in(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();
    let (base, check_in) = submitted(cases);
    let with = |check_in| Submit {
        check_in: Some(check_in),
        ..base.clone()
    };
    for meeting in [
        "",
        "M-1",
        "organizations/acme/nodes/rail",
        "organizations/acme/meetings/M-0",
    ] {
        let meeting = meeting.to_owned();
        cases
            .refused(
                Submit {
                    meeting,
                    ..base.clone()
                },
                field("meeting"),
            )
            .await;
    }
    let meeting = "organizations/acme/meetings/M-4711".to_owned();
    cases
        .refused(
            Submit {
                meeting,
                ..base.clone()
            },
            missing("meeting"),
        )
        .await;
    let nowhere = Submit {
        meeting: "organizations/nowhere/meetings/M-1".to_owned(),
        check_in: Some(v1::CheckIn {
            node: "organizations/nowhere/nodes/x".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    cases.refused(nowhere, missing("organization")).await;
    let meeting = cases.world.closed_meeting.clone();
    cases
        .refused(
            Submit {
                meeting,
                ..base.clone()
            },
            not_now(ErrorReason::MeetingClosed),
        )
        .await;
    cases
        .refused(
            Submit {
                check_in: None,
                ..base.clone()
            },
            field("check_in"),
        )
        .await;
    cases
        .other_nodes("check_in.node", |node| {
            with(v1::CheckIn {
                node,
                ..check_in.clone()
            })
        })
        .await;
    for node in ["rail", "team-4", "acme"] {
        let node = acme.node(node);
        let stranger = with(v1::CheckIn {
            node,
            ..check_in.clone()
        });
        cases
            .refused(stranger, field("check_in.node").saying("takes no part"))
            .await;
    }
    let node = acme.node("team-8");
    cases
        .refused(
            with(v1::CheckIn {
                node,
                ..check_in.clone()
            }),
            archived(),
        )
        .await;
    cases
        .bodies("check_in.accomplished", 10_000, |accomplished| {
            with(v1::CheckIn {
                accomplished,
                ..check_in.clone()
            })
        })
        .await;
    cases
        .bodies("check_in.planned", 10_000, |planned| {
            with(v1::CheckIn {
                planned,
                ..check_in.clone()
            })
        })
        .await;
    cases
        .required_bodies("check_in.decisions[1]", 1_000, |decision| {
            let decisions = vec!["Which protocol?".to_owned(), decision];
            with(v1::CheckIn {
                decisions,
                ..check_in.clone()
            })
        })
        .await;
    let decisions = vec!["Which protocol?".to_owned(); 51];
    cases
        .refused(
            with(v1::CheckIn {
                decisions,
                ..check_in.clone()
            }),
            field("check_in.decisions"),
        )
        .await;
    cases
        .request_ids(|request_id| Submit {
            request_id,
            ..base.clone()
        })
        .await;
}

/// The second of two blockers is faulty: the first is not raised either.
async fn named_blockers(cases: &mut Cases<'_>) {
    let world = cases.world;
    let (base, check_in) = submitted(cases);
    let first = CheckInBlocker {
        title: "No test data".to_owned(),
        ..Default::default()
    };
    let with = |second: CheckInBlocker| {
        let check_in = v1::CheckIn {
            blockers: vec![first.clone(), second],
            ..check_in.clone()
        };
        Submit {
            check_in: Some(check_in),
            ..base.clone()
        }
    };
    let at = |part: &str| format!("check_in.blockers[1].{part}");
    let like = || CheckInBlocker {
        title: "No test environment".to_owned(),
        ..Default::default()
    };
    for blocker in [
        "B-1",
        "organizations/acme/nodes/rail",
        "organizations/acme/blockers/B-0",
    ] {
        let blocker = blocker.to_owned();
        cases
            .refused(
                with(CheckInBlocker { blocker, ..like() }),
                field(at("blocker")),
            )
            .await;
    }
    let blocker = world.other.blocker(1);
    cases
        .refused(
            with(CheckInBlocker { blocker, ..like() }),
            field(at("blocker")),
        )
        .await;
    let blocker = world.acme.blocker(4711);
    cases
        .refused(
            with(CheckInBlocker { blocker, ..like() }),
            missing("blocker"),
        )
        .await;
    cases
        .required_lines(&at("title"), 200, |title| {
            with(CheckInBlocker { title, ..like() })
        })
        .await;
    cases
        .bodies(&at("description"), 10_000, |description| {
            with(CheckInBlocker {
                description,
                ..like()
            })
        })
        .await;
    cases
        .lines(&at("category"), 60, |category| {
            with(CheckInBlocker { category, ..like() })
        })
        .await;
    cases
        .lines(&at("dedupe_key"), 200, |dedupe_key| {
            with(CheckInBlocker {
                dedupe_key,
                ..like()
            })
        })
        .await;
    cases
        .enums(&at("severity"), |severity| {
            with(CheckInBlocker { severity, ..like() })
        })
        .await;
    let causing = |name| {
        with(CheckInBlocker {
            causing_nodes: vec![name],
            ..like()
        })
    };
    cases.other_nodes(&at("causing_nodes[0]"), causing).await;
    let blockers = (0..51).map(|number| CheckInBlocker {
        title: format!("{number}"),
        ..Default::default()
    });
    let crowd = v1::CheckIn {
        blockers: blockers.collect(),
        ..check_in.clone()
    };
    cases
        .refused(
            Submit {
                check_in: Some(crowd),
                ..base.clone()
            },
            field("check_in.blockers"),
        )
        .await;
}

async fn claims(cases: &mut Cases<'_>) {
    let acme = cases.world.acme.clone();
    let (base, check_in) = submitted(cases);
    let with = |claim: BlockingClaim| {
        let check_in = v1::CheckIn {
            may_block: vec![claim],
            ..check_in.clone()
        };
        Submit {
            check_in: Some(check_in),
            ..base.clone()
        }
    };
    let claim = BlockingClaim {
        node: acme.node("team-2"),
        note: "The interface changes".to_owned(),
    };
    let at = |part: &str| format!("check_in.may_block[0].{part}");
    cases
        .other_nodes(&at("node"), |node| {
            with(BlockingClaim {
                node,
                ..claim.clone()
            })
        })
        .await;
    let node = acme.node("team-1");
    cases
        .refused(
            with(BlockingClaim {
                node,
                ..claim.clone()
            }),
            field(at("node")),
        )
        .await;
    let node = acme.node("team-8");
    cases
        .refused(
            with(BlockingClaim {
                node,
                ..claim.clone()
            }),
            archived(),
        )
        .await;
    cases
        .bodies(&at("note"), 1_000, |note| {
            with(BlockingClaim {
                note,
                ..claim.clone()
            })
        })
        .await;
    let crowd = v1::CheckIn {
        may_block: vec![claim; 51],
        ..check_in.clone()
    };
    cases
        .refused(
            Submit {
                check_in: Some(crowd),
                ..base.clone()
            },
            field("check_in.may_block"),
        )
        .await;
}

async fn read(cases: &mut Cases<'_>) {
    cases
        .meeting_names("name", |name| v1::GetMeetingRequest {
            name,
            ..Default::default()
        })
        .await;
    cases
        .meeting_names("name", |name| v1::GetAgendaRequest {
            name,
            ..Default::default()
        })
        .await;
    cases
        .node_names("name", |name| v1::GetAgendaRequest {
            name,
            ..Default::default()
        })
        .await;
    let world = cases.world;
    cases
        .min_revisions(|min_revision| v1::GetMeetingRequest {
            name: world.meeting.clone(),
            min_revision,
        })
        .await;
    let agenda = v1::GetAgendaRequest {
        name: world.meeting.clone(),
        ..Default::default()
    };
    cases
        .min_revisions(|min_revision| v1::GetAgendaRequest {
            min_revision,
            ..agenda.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| v1::GetAgendaRequest {
            page_size,
            page_token,
            ..agenda.clone()
        })
        .await;

    type Fates = v1::ListMeetingFatesRequest;
    let base = Fates {
        parent: world.closed_meeting.clone(),
        ..Default::default()
    };
    cases
        .meeting_names("parent", |parent| Fates {
            parent,
            ..base.clone()
        })
        .await;
    cases
        .pages(|page_size, page_token| Fates {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;
    cases
        .min_revisions(|min_revision| Fates {
            min_revision,
            ..base.clone()
        })
        .await;

    type List = v1::ListMeetingsRequest;
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
        .other_nodes("node", |node| List {
            node,
            ..base.clone()
        })
        .await;
    cases
        .enums("state", |state| List {
            state,
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
        .pages(|page_size, page_token| List {
            page_size,
            page_token,
            ..base.clone()
        })
        .await;
}
