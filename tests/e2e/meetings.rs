//! Meetings: the five questions, the agenda, and the fate of every blocker.

use echelon_api::v1::{
    self, AgendaSection, CheckIn, CheckInBlocker, ErrorReason, MeetingState, Severity,
    blocker_fate::Kind, one_sided_claim::Side,
};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{DAY, HOUR, Org, assert_sound, later, refusal::refused, short};

on_both!(
    a_meeting_is_called_by_the_height_of_its_node,
    a_node_has_one_open_meeting,
    a_check_in_answers_the_five_questions_and_raises_what_it_names,
    a_second_check_in_replaces_the_first_and_raises_only_what_is_new,
    only_those_who_take_part_check_in,
    an_agenda_has_its_sections_in_order,
    an_agenda_shows_claims_that_only_one_side_makes,
    the_agenda_of_a_node_is_that_of_its_next_meeting,
    a_close_tells_the_fate_of_every_blocker,
    at_the_top_nobody_is_left_and_the_alarm_is_told,
    e7_closing_twice_gives_the_first_answer,
    meetings_are_listed_newest_first_in_pages,
);

fn check_in(org: &Org, meeting: &v1::Meeting, node: &str) -> v1::SubmitCheckInRequest {
    v1::SubmitCheckInRequest {
        meeting: meeting.name.clone(),
        check_in: Some(CheckIn {
            node: org.node(node),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn answers(request: &mut v1::SubmitCheckInRequest) -> &mut CheckIn {
    request.check_in.as_mut().expect("the request has answers")
}

fn named(title: &str) -> CheckInBlocker {
    CheckInBlocker {
        title: title.to_owned(),
        ..Default::default()
    }
}

async fn get(org: &Org, meeting: &v1::Meeting) -> v1::Meeting {
    let name = meeting.name.clone();
    let found = org
        .ok(v1::GetMeetingRequest {
            name,
            ..Default::default()
        })
        .await;
    found.meeting.expect("it is found")
}

async fn agenda(org: &Org, name: &str) -> v1::GetAgendaResponse {
    let name = name.to_owned();
    org.ok(v1::GetAgendaRequest {
        name,
        ..Default::default()
    })
    .await
}

fn sections(agenda: &v1::GetAgendaResponse) -> Vec<(AgendaSection, &str)> {
    let items = agenda.items.iter();
    items
        .map(|item| {
            let blocker = item.blocker.as_ref().expect("an item has its blocker");
            (item.section(), short(&blocker.name))
        })
        .collect()
}

async fn a_meeting_is_called_by_the_height_of_its_node(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for (node, title) in [
        ("team-1", "Daily Scrum"),
        ("rail-a", "Scrum of Scrums"),
        ("rail", "Sync"),
        ("acme", "Sync"),
    ] {
        let meeting = org.open(node).await;
        assert_eq!(meeting.title, title);
        assert_eq!(meeting.node, org.node(node));
        assert_eq!(meeting.state(), MeetingState::Open);
        assert!(meeting.open_time.is_some() && meeting.close_time.is_none());
        assert_eq!(get(&org, &meeting).await, meeting);
    }
    let named = v1::OpenMeetingRequest {
        node: org.node("rail-b"),
        title: "Huddle".to_owned(),
        ..Default::default()
    };
    let meeting = org.ok(named).await.meeting.expect("it answers");
    assert_eq!(
        (meeting.title.as_str(), short(&meeting.name)),
        ("Huddle", "M-5")
    );
}

async fn a_node_has_one_open_meeting(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let open = |node: &str| v1::OpenMeetingRequest {
        node: org.node(node),
        ..Default::default()
    };
    let meeting = org.open("rail-a").await;
    let second = org.call(open("rail-a")).await;
    refused(second, Code::FailedPrecondition, ErrorReason::MeetingOpen);
    let nowhere = org.call(open("nowhere")).await;
    refused(nowhere, Code::NotFound, ErrorReason::NotFound);
    org.close(&meeting.name).await;
    assert_eq!(short(&org.open("rail-a").await.name), "M-2");
}

async fn a_check_in_answers_the_five_questions_and_raises_what_it_names(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server)
        .await
        .acting("scrum-master@example.com");
    let known = org.raise("team-2", "no licence").await;
    let meeting = org.open("rail-a").await;
    let mut request = check_in(&org, &meeting, "team-1");
    *answers(&mut request) = CheckIn {
        node: org.node("team-1"),
        accomplished: "the importer works".to_owned(),
        planned: "load the archive".to_owned(),
        blockers: vec![
            CheckInBlocker {
                title: "no test data".to_owned(),
                description: "the nightly export failed".to_owned(),
                severity: Severity::High.into(),
                category: "environment".to_owned(),
                causing_nodes: vec![org.node("team-4")],
                dedupe_key: "export".to_owned(),
                ..Default::default()
            },
            CheckInBlocker {
                blocker: known.name.clone(),
                ..Default::default()
            },
        ],
        may_block: vec![v1::BlockingClaim {
            node: org.node("team-2"),
            note: "the importer's format".to_owned(),
        }],
        decisions: vec!["which archive first".to_owned()],
        submit_time: None,
    };
    let wanted = answers(&mut request).clone();
    let answer = org.ok(request).await;
    let raised = &answer.raised[0];
    assert_eq!(answer.raised.len(), 1);
    assert_eq!(raised.origin, org.node("team-1"));
    assert_eq!(raised.severity(), Severity::High);
    assert_eq!(raised.description, "the nightly export failed");
    assert_eq!(raised.category, "environment");
    assert_eq!(raised.causing_nodes, [org.node("team-4")]);
    assert_eq!(raised.dedupe_key, "export");
    assert_eq!(raised.reporter, "scrum-master@example.com");
    assert_eq!(org.get(&raised.name).await, *raised);
    let recorded = answer.check_in.expect("it answers with the answers");
    let names: Vec<&str> = recorded
        .blockers
        .iter()
        .map(|b| b.blocker.as_str())
        .collect();
    assert_eq!(names, [raised.name.as_str(), known.name.as_str()]);
    let same = CheckIn {
        blockers: recorded.blockers.clone(),
        submit_time: recorded.submit_time,
        ..wanted
    };
    assert_eq!(recorded, same);
    assert!(recorded.submit_time.is_some());
    assert_eq!(get(&org, &meeting).await.check_ins, [recorded]);
}

async fn a_second_check_in_replaces_the_first_and_raises_only_what_is_new(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let meeting = org.open("rail-a").await;
    let mut first = check_in(&org, &meeting, "team-1");
    answers(&mut first).accomplished = "nothing".to_owned();
    answers(&mut first).blockers = vec![named("no test data"), named("no licence")];
    let raised = org.ok(first).await.raised;
    assert_eq!(raised.len(), 2);
    org.ok(check_in(&org, &meeting, "team-2")).await;

    let mut second = check_in(&org, &meeting, "team-1");
    answers(&mut second).accomplished = "the importer works".to_owned();
    answers(&mut second).blockers = vec![named("no licence"), named("no reviewer")];
    let again = org.ok(second).await;
    let titles: Vec<&str> = again.raised.iter().map(|b| b.title.as_str()).collect();
    assert_eq!(titles, ["no reviewer"]);
    let named = again.check_in.expect("it answers").blockers;
    let names: Vec<&str> = named.iter().map(|b| short(&b.blocker)).collect();
    assert_eq!(names, ["B-2", "B-3"]);

    let found = get(&org, &meeting).await;
    let told: Vec<_> = found
        .check_ins
        .iter()
        .map(|answers| (short(&answers.node), answers.accomplished.as_str()))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(told.contains(&("team-1", "the importer works")) && told.contains(&("team-2", "")));
    // What the first named and the second does not is still there.
    assert_eq!(org.figures("team-1").await.open, 3);
    assert_sound(&server).await;
}

async fn only_those_who_take_part_check_in(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let meeting = org.open("rail-a").await;
    org.ok(check_in(&org, &meeting, "rail-a")).await;
    for stranger in ["team-4", "rail", "road-a"] {
        let refusal = org.call(check_in(&org, &meeting, stranger)).await;
        refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    }
    // A check-in that is refused raises nothing.
    let mut faulty = check_in(&org, &meeting, "team-1");
    answers(&mut faulty).blockers = vec![named("no test data"), named("")];
    let refusal = org.call(faulty).await;
    refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    assert_eq!(org.figures("acme").await.raised_total, 0);
    org.close(&meeting.name).await;
    let late = org.call(check_in(&org, &meeting, "team-1")).await;
    refused(late, Code::FailedPrecondition, ErrorReason::MeetingClosed);
}

/// Fills every section of the agenda of `rail-a`.
async fn fill(org: &Org) {
    let carried = org.raise("team-1", "carried over").await;
    let escalate = |name: &str, to: &str| v1::EscalateBlockerRequest {
        name: name.to_owned(),
        to: org.node(to),
        reason: "two teams".to_owned(),
        ..Default::default()
    };
    org.ok(escalate(&carried.name, "rail-a")).await;
    org.meet("rail-a").await;
    let minor = org.raise("team-2", "came up").await;
    org.ok(escalate(&minor.name, "rail-a")).await;
    org.raise_as("team-3", Severity::Critical).await;
    org.raise("rail-a", "its own").await;
    let returned = org.raise("team-1", "came back").await;
    org.ok(escalate(&returned.name, "rail")).await;
    org.ok(v1::ReturnBlockerRequest {
        name: returned.name,
        guidance: "use the old sandbox".to_owned(),
        ..Default::default()
    })
    .await;
    let solved = org.raise("rail-a", "solved above").await;
    org.resolve(&solved.name).await;
    // And what is not on it.
    org.raise("team-1", "at the team").await;
    let above = org.raise("team-1", "at the train").await;
    org.ok(escalate(&above.name, "rail")).await;
}

const FILLED: [(AgendaSection, &str); 6] = [
    (AgendaSection::Escalated, "B-3"),
    (AgendaSection::Escalated, "B-2"),
    (AgendaSection::CarriedOver, "B-1"),
    (AgendaSection::Own, "B-4"),
    (AgendaSection::Returned, "B-5"),
    (AgendaSection::ToVerify, "B-6"),
];

async fn an_agenda_has_its_sections_in_order(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    fill(&org).await;
    let meeting = org.open("rail-a").await;
    org.ok(check_in(&org, &meeting, "team-2")).await;
    let mut asking = check_in(&org, &meeting, "team-3");
    answers(&mut asking).decisions = vec!["which archive first".to_owned()];
    org.ok(asking).await;
    let agenda = agenda(&org, &meeting.name).await;
    assert_eq!(sections(&agenda), FILLED);
    assert_eq!(agenda.node, org.node("rail-a"));
    assert_eq!(agenda.missing_check_ins, [org.node("team-1")]);
    assert_eq!(agenda.decisions.len(), 1);
    assert!(agenda.decisions[0].ends_with("team-3: which archive first"));
    assert_eq!(agenda.meeting, Some(get(&org, &meeting).await));
    assert_eq!(agenda.revision, org.revision().await);
    let note = |index: usize| agenda.items[index].note.as_str();
    assert!(note(0).starts_with("critical, unowned"), "{}", note(0));
    assert!(note(2).contains("survived 1 meeting"), "{}", note(2));
    assert!(
        note(4).contains("guidance: use the old sandbox"),
        "{}",
        note(4)
    );
}

async fn the_agenda_of_a_node_is_that_of_its_next_meeting(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    fill(&org).await;
    let next = agenda(&org, &org.node("rail-a")).await;
    assert_eq!(sections(&next), FILLED);
    assert_eq!(next.meeting, None);
    let teams = ["team-1", "team-2", "team-3"].map(|team| org.node(team));
    assert_eq!(next.missing_check_ins, teams);
    let meeting = org.open("rail-a").await;
    let now = agenda(&org, &org.node("rail-a")).await;
    assert_eq!(now.meeting, Some(meeting));
    assert_eq!(now.items, next.items);
}

async fn an_agenda_shows_claims_that_only_one_side_makes(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocked_by = |origin: &str, title: &str, causing: &str| v1::Blocker {
        origin: org.node(origin),
        title: title.to_owned(),
        causing_nodes: vec![org.node(causing)],
        ..Default::default()
    };
    let agreed = blocked_by("team-1", "both say so", "team-2");
    org.raise_with(agreed).await;
    let stated = org
        .raise_with(blocked_by("team-3", "only the blocked", "team-2"))
        .await;
    // The one who causes it has not checked in, so it has not failed to mention it.
    org.raise_with(blocked_by("team-2", "not there yet", "team-1"))
        .await;
    let meeting = org.open("rail-a").await;
    let mut second = check_in(&org, &meeting, "team-2");
    answers(&mut second).may_block = vec![v1::BlockingClaim {
        node: org.node("team-1"),
        note: "we are late".to_owned(),
    }];
    org.ok(second).await;
    let mut third = check_in(&org, &meeting, "team-3");
    answers(&mut third).may_block = vec![v1::BlockingClaim {
        node: org.node("team-1"),
        note: "only the causing".to_owned(),
    }];
    org.ok(third).await;
    let claims = agenda(&org, &meeting.name).await.claims;
    assert_eq!(
        claims,
        [
            v1::OneSidedClaim {
                side: Side::Blocked.into(),
                blocked: org.node("team-3"),
                causing: org.node("team-2"),
                note: "only the blocked".to_owned(),
                blocker: stated.name,
            },
            v1::OneSidedClaim {
                side: Side::Causing.into(),
                blocked: org.node("team-1"),
                causing: org.node("team-3"),
                note: "only the causing".to_owned(),
                blocker: String::new(),
            },
        ]
    );
}

async fn a_close_tells_the_fate_of_every_blocker(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    // A Scrum of Scrums moves up what survives two of its meetings.
    let old = org.raise("rail-a", "survives its second").await;
    org.meet("rail-a").await;
    let young = org.raise("rail-a", "survives its first").await;
    let owned = org.raise("rail-a", "on track").await;
    org.ok(v1::OwnBlockerRequest {
        name: owned.name.clone(),
        owner: "tech-lead@example.com".to_owned(),
        commit_time: later(&server, DAY),
        ..Default::default()
    })
    .await;
    let solved = org.raise("rail-a", "solved").await;
    let merged = org.raise("rail-a", "merged").await;
    let returned = org.raise("team-1", "returned").await;
    let lifted = org.raise("rail-a", "lifted by hand").await;
    let escalate = |name: &str| v1::EscalateBlockerRequest {
        name: name.to_owned(),
        reason: "two teams".to_owned(),
        ..Default::default()
    };
    org.ok(escalate(&returned.name)).await;
    let elsewhere = org.raise("team-2", "not on the agenda").await;

    let meeting = org.open("rail-a").await;
    server.advance(HOUR);
    org.resolve(&solved.name).await;
    org.ok(v1::MergeBlockerRequest {
        name: merged.name.clone(),
        into: old.name.clone(),
        ..Default::default()
    })
    .await;
    org.ok(v1::ReturnBlockerRequest {
        name: returned.name.clone(),
        guidance: "use the old sandbox".to_owned(),
        ..Default::default()
    })
    .await;
    org.ok(escalate(&lifted.name)).await;
    let closed = org.close(&meeting.name).await;

    assert_eq!(closed.state(), MeetingState::Closed);
    let mut fates: Vec<_> = closed
        .fates
        .iter()
        .map(|fate| (short(&fate.blocker), fate.kind(), fate.title.as_str()))
        .collect();
    fates.sort();
    let expected = [
        (&old, Kind::Escalated),
        (&young, Kind::CarriedOver),
        (&owned, Kind::CarriedOver),
        (&solved, Kind::Solved),
        (&merged, Kind::Solved),
        (&returned, Kind::Returned),
        (&lifted, Kind::Escalated),
    ]
    .map(|(blocker, kind)| (short(&blocker.name), kind, blocker.title.as_str()));
    assert_eq!(fates, expected);
    let fate = |blocker: &v1::Blocker| {
        let found = closed
            .fates
            .iter()
            .find(|fate| fate.blocker == blocker.name);
        found.expect("it has a fate").clone()
    };
    let moved = fate(&old).r#move.expect("a rule moved it");
    assert_eq!(
        (moved.rule.as_str(), moved.to.as_str()),
        ("sos-meetings", org.node("rail").as_str())
    );
    assert_eq!(
        crate::support::log::cause(&moved),
        format!("meeting:{}", short(&meeting.name))
    );
    assert_eq!(moved.matched_facts["meetings_survived"], "2");
    assert_eq!(fate(&lifted).r#move, None);
    assert!(
        fate(&owned).reason.contains("committed"),
        "{}",
        fate(&owned).reason
    );
    assert_eq!(org.get(&old.name).await.holder, org.node("rail"));
    assert_eq!(org.get(&young.name).await.meetings_survived, 1);
    assert_eq!(org.get(&elsewhere.name).await, elsewhere);
    assert_eq!(get(&org, &meeting).await, closed);
    assert_eq!(org.figures("rail-a").await.meetings_held, 2);
    assert_sound(&server).await;
}

async fn at_the_top_nobody_is_left_and_the_alarm_is_told(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("acme", "no budget").await;
    let closed = org.meet("acme").await;
    assert_eq!(closed.fates[0].kind(), Kind::Exhausted);
    assert!(!closed.fates[0].reason.is_empty());
    let exhausted = org.get(&blocker.name).await;
    assert_eq!(exhausted.escalation_state(), v1::EscalationState::Exhausted);
    assert_eq!(org.figures("acme").await.exhausted, 1);
    // The alarm stays until somebody acts.
    assert_eq!(org.meet("acme").await.fates[0].kind(), Kind::Exhausted);
    org.ok(v1::OwnBlockerRequest {
        name: blocker.name.clone(),
        owner: "architect@example.com".to_owned(),
        ..Default::default()
    })
    .await;
    assert_eq!(org.figures("acme").await.exhausted, 0);
    assert_sound(&server).await;
}

async fn e7_closing_twice_gives_the_first_answer(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.raise_many("team-1", 3).await;
    let meeting = org.open("team-1").await;
    let first = org.close(&meeting.name).await;
    let revision = org.revision().await;
    server.advance(HOUR);
    org.resolve(&org.blocker(1)).await;
    assert_eq!(org.close(&meeting.name).await, first);
    assert_eq!(org.revision().await, revision + 1);
    for number in 2..=3 {
        let blocker = org.get(&org.blocker(number)).await;
        assert_eq!(
            (blocker.escalation_count, blocker.holder),
            (1, org.node("rail-a"))
        );
    }
}

async fn meetings_are_listed_newest_first_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for node in ["team-1", "team-2", "team-1", "rail-a", "team-1"] {
        org.meet(node).await;
    }
    org.open("team-1").await;
    org.open("team-2").await;
    let list = async |node: &str, state: MeetingState, page_size: i32| {
        let mut request = v1::ListMeetingsRequest {
            parent: org.name(),
            node: node.to_owned(),
            state: state.into(),
            page_size,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = org.ok(request.clone()).await;
            found.extend(
                page.meetings
                    .iter()
                    .map(|found| short(&found.name).to_owned()),
            );
            if page.next_page_token.is_empty() {
                return found;
            }
            request.page_token = page.next_page_token;
        }
    };
    let all = ["M-7", "M-6", "M-5", "M-4", "M-3", "M-2", "M-1"];
    for page_size in [0, 1, 3, 7] {
        assert_eq!(list("", MeetingState::Unspecified, page_size).await, all);
    }
    let team = org.node("team-1");
    let of_team = list(&team, MeetingState::Unspecified, 2).await;
    assert_eq!(of_team, ["M-6", "M-5", "M-3", "M-1"]);
    assert_eq!(list("", MeetingState::Open, 1).await, ["M-7", "M-6"]);
    assert_eq!(
        list(&team, MeetingState::Closed, 2).await,
        ["M-5", "M-3", "M-1"]
    );
    assert_eq!(
        list(&org.node("rail"), MeetingState::Open, 2).await,
        [""; 0]
    );
}
