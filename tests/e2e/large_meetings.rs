//! Meetings with more on their agendas than one answer has room for.

use echelon_api::v1;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;

use crate::support::{Org, assert_sound};

on_both!(
    an_agenda_comes_in_pages_of_which_the_first_tells_the_rest,
    e2_a_close_tells_the_first_thousand_fates_and_the_others_are_listed,
);

/// What clients take if nobody told them otherwise.
const MESSAGE_MAX: usize = 4 * 1024 * 1024;
/// The most entries of one answer.
const ENTRIES_MAX: usize = 1_000;

/// The pages of an agenda, at most `page_size` items each.
async fn pages(org: &Org, name: &str, page_size: i32) -> Vec<v1::GetAgendaResponse> {
    let mut request = v1::GetAgendaRequest {
        name: name.to_owned(),
        page_size,
        ..Default::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        request.page_token.clone_from(&page.next_page_token);
        pages.push(page);
        if request.page_token.is_empty() {
            return pages;
        }
    }
}

async fn an_agenda_comes_in_pages_of_which_the_first_tells_the_rest(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for severity in [
        v1::Severity::Low,
        v1::Severity::High,
        v1::Severity::Medium,
        v1::Severity::High,
        v1::Severity::Low,
    ] {
        org.raise_as("rail-a", severity).await;
    }
    let solved = org.raise("rail-a", "solved").await;
    org.resolve(&solved.name).await;
    let meeting = org.open("rail-a").await;
    let whole = pages(&org, &meeting.name, 0).await;
    let [whole] = whole.as_slice() else {
        panic!("few items are one page");
    };
    assert_eq!((whole.items.len(), whole.total_items), (6, 6));
    assert_eq!(whole.missing_check_ins.len(), 3);
    for page_size in [1, 2, 5] {
        let pages = pages(&org, &meeting.name, page_size).await;
        let size = usize::try_from(page_size).expect("it is small");
        assert_eq!(pages.len(), 6_usize.div_ceil(size));
        let (first, rest) = pages.split_first().expect("there is a first page");
        assert_eq!(first.meeting, whole.meeting);
        assert_eq!(first.missing_check_ins, whole.missing_check_ins);
        for page in rest {
            assert_eq!((&page.meeting, page.missing_check_ins.len()), (&None, 0));
            assert_eq!(page.total_items, 6);
        }
        let items: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
        assert_eq!(items, whole.items);
    }
    // What goes between two pages takes nothing else away.
    let mut request = v1::GetAgendaRequest {
        name: meeting.name,
        page_size: 2,
        ..Default::default()
    };
    let first = org.ok(request.clone()).await;
    let gone = first.items[1].blocker.clone().expect("an item has one");
    let reason = "not ours".to_owned();
    org.ok(v1::WithdrawBlockerRequest {
        name: gone.name,
        reason,
        ..Default::default()
    })
    .await;
    request.page_token = first.next_page_token;
    let second = org.ok(request).await;
    assert_eq!(second.items[..], whole.items[2..4]);
}

/// Every fate of a meeting, in pages.
async fn fates(org: &Org, meeting: &str) -> Vec<v1::BlockerFate> {
    let mut request = v1::ListMeetingFatesRequest {
        parent: meeting.to_owned(),
        page_size: 300,
        ..Default::default()
    };
    let mut fates = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        fates.extend(page.fates);
        if page.next_page_token.is_empty() {
            return fates;
        }
        request.page_token = page.next_page_token;
    }
}

async fn e2_a_close_tells_the_first_thousand_fates_and_the_others_are_listed(
    database: TestDatabase,
) {
    const BLOCKERS: usize = 1_100;
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for _ in 0..BLOCKERS / 220 {
        org.raise_many("team-1", 220).await;
    }
    let open = org.open("team-1").await;
    assert_eq!(fates(&org, &open.name).await, []);
    let agenda = pages(&org, &open.name, 0).await;
    let sizes: Vec<_> = agenda.iter().map(|page| page.items.len()).collect();
    assert_eq!(sizes, [ENTRIES_MAX, BLOCKERS - ENTRIES_MAX]);
    assert!(agenda[0].encoded_len() < MESSAGE_MAX);

    let close = v1::CloseMeetingRequest {
        name: open.name.clone(),
        ..Default::default()
    };
    let closed = org.ok(close.clone()).await;
    assert!(closed.encoded_len() < MESSAGE_MAX);
    let told = closed.meeting.clone().expect("a close tells the meeting");
    let count = usize::try_from(told.fate_count).expect("it is a count");
    assert_eq!((told.fates.len(), count), (ENTRIES_MAX, BLOCKERS));
    let all = fates(&org, &open.name).await;
    assert_eq!(all.len(), BLOCKERS);
    assert_eq!(all[..ENTRIES_MAX], told.fates[..]);
    assert_eq!(org.ok(close).await, closed);
    let get = v1::GetMeetingRequest {
        name: open.name,
        ..Default::default()
    };
    assert_eq!(org.ok(get).await.meeting, Some(told));
    // The log always has all.
    let logged: usize = org
        .events()
        .await
        .iter()
        .filter_map(|event| match &event.payload {
            Some(v1::event::Payload::MeetingClosed(meeting)) => Some(meeting.fates.len()),
            _ => None,
        })
        .sum();
    assert_eq!(logged, BLOCKERS);
    assert_sound(&server).await;
}
