//! Reading meetings: what they have to look at, themselves, what became of their blockers.

use echelon_api::{
    convert::{
        meeting::{self, AgendaPage, to_proto},
        name, non_empty,
    },
    v1,
};
use echelon_domain::{
    Error, MeetingNumber,
    agenda::{Item, agenda as look_at},
    meeting::Meeting,
};
use echelon_store::MeetingQuery;

use crate::{
    app::{App, FoundMeeting},
    grpc::page::Paging,
};

pub(super) async fn agenda(
    app: &App,
    mut message: v1::GetAgendaRequest,
) -> Result<v1::GetAgendaResponse, Error> {
    let min_revision = std::mem::take(&mut message.min_revision);
    let paging = Paging::of(
        "GetAgenda",
        &mut message,
        |m| (&mut m.page_size, &mut m.page_token),
        1_000,
    )?;
    let after = paging.cursor(parse_place)?;
    let named = message.name;
    let (node, snapshot, meeting) = if named.contains("/meetings/") {
        let (organization, number) = name::parse_meeting("name", &named)?;
        let FoundMeeting { meeting, snapshot } =
            app.meeting(&organization, number, min_revision).await?;
        (meeting.node.clone(), snapshot, Some(meeting))
    } else {
        let (organization, node) = name::parse_node("name", &named)?;
        let snapshot = app.snapshot_for(&organization, min_revision).await?;
        let meeting = snapshot.open_meeting_of(&node).cloned();
        (node, snapshot, meeting)
    };
    let now = app.time(&snapshot);
    let mut agenda = look_at(&snapshot, &node, meeting.as_deref(), now)?;
    let total_items = agenda.items.len();
    let mut shown = meeting.as_deref();
    if let Some(after) = after {
        agenda.items.retain(|item| place(item) > after);
        // The first page has told it.
        agenda.claims.clear();
        agenda.decisions.clear();
        agenda.missing.clear();
        shown = None;
    }
    let next_page_token = paging.cut(&mut agenda.items, |item| {
        place(item).map(|part| part.to_string()).join(":")
    });
    let page = AgendaPage {
        agenda,
        total_items,
        next_page_token,
    };
    Ok(meeting::agenda(&snapshot, &node, shown, &page, now))
}

/// Where an item stands on its agenda, in the order of [`look_at`]: no two are equal, and what else comes or goes does not
/// move it.
type Place = [i64; 4];

fn place(item: &Item) -> Place {
    let blocker = &item.blocker;
    [
        item.section as i64,
        -(blocker.content.severity as i64),
        blocker.content.raised_at.as_micros(),
        blocker.number.get(),
    ]
}

fn parse_place(cursor: &str) -> Option<Place> {
    let parts: Option<Vec<i64>> = cursor.split(':').map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

pub(super) async fn get(
    app: &App,
    message: v1::GetMeetingRequest,
) -> Result<v1::GetMeetingResponse, Error> {
    let v1::GetMeetingRequest { name, min_revision } = message;
    let (organization, number) = name::parse_meeting("name", &name)?;
    let FoundMeeting { meeting, snapshot } =
        app.meeting(&organization, number, min_revision).await?;
    Ok(v1::GetMeetingResponse {
        meeting: Some(to_proto(&snapshot, &meeting)),
        revision: snapshot.revision(),
    })
}

pub(super) async fn fates(
    app: &App,
    mut message: v1::ListMeetingFatesRequest,
) -> Result<v1::ListMeetingFatesResponse, Error> {
    let min_revision = std::mem::take(&mut message.min_revision);
    let paging = Paging::of(
        "ListMeetingFates",
        &mut message,
        |m| (&mut m.page_size, &mut m.page_token),
        100,
    )?;
    let (organization, number) = name::parse_meeting("parent", &message.parent)?;
    // They never change once the meeting is closed: their place is enough.
    let begin: usize = paging.cursor(|place| place.parse().ok())?.unwrap_or(0);
    let FoundMeeting { meeting, snapshot } =
        app.meeting(&organization, number, min_revision).await?;
    let rest = meeting.fates.iter().enumerate().skip(begin);
    let mut found: Vec<_> = rest.take(paging.size + 1).collect();
    let next_page_token = paging.cut(&mut found, |(place, _)| (place + 1).to_string());
    Ok(v1::ListMeetingFatesResponse {
        fates: found
            .into_iter()
            .map(|(_, fate)| meeting::fate(&organization, fate))
            .collect(),
        next_page_token,
        revision: snapshot.revision(),
    })
}

pub(super) async fn list(
    app: &App,
    mut message: v1::ListMeetingsRequest,
) -> Result<v1::ListMeetingsResponse, Error> {
    let min_revision = std::mem::take(&mut message.min_revision);
    let paging = Paging::of(
        "ListMeetings",
        &mut message,
        |m| (&mut m.page_size, &mut m.page_token),
        50,
    )?;
    let v1::ListMeetingsRequest {
        parent,
        node,
        state,
        page_size: _,
        page_token: _,
        min_revision: _,
    } = message;
    let organization = name::parse_organization("parent", &parent)?;
    let snapshot = app.snapshot_for(&organization, min_revision).await?;
    let node = match non_empty(&node) {
        Some(node) => {
            let node = name::parse_node_of(&organization, "node", node)?;
            snapshot.tree().require(&node)?;
            Some(node)
        }
        None => None,
    };
    let open = match v1::MeetingState::try_from(state) {
        Ok(v1::MeetingState::Unspecified) => None,
        Ok(v1::MeetingState::Open) => Some(true),
        Ok(v1::MeetingState::Closed) => Some(false),
        Err(_) => {
            return Err(Error::field(
                "state",
                "has an unknown value: use OPEN or CLOSED",
            ));
        }
    };
    let before = paging.cursor(|number| number.parse().ok().map(MeetingNumber::new))?;
    let query = MeetingQuery {
        node,
        open,
        before,
        limit: paging.limit(),
    };
    let mut found: Vec<Meeting> = app.store().meetings(&organization, &query).await?;
    let next_page_token = paging.cut(&mut found, |meeting| meeting.number.get().to_string());
    Ok(v1::ListMeetingsResponse {
        meetings: found
            .iter()
            .map(|meeting| to_proto(&snapshot, meeting))
            .collect(),
        next_page_token,
        revision: snapshot.revision(),
    })
}
