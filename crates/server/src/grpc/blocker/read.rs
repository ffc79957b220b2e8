//! Reading one blocker: itself, its history, why it is where it is.

use std::sync::Arc;

use echelon_api::{
    convert::{
        blocker::to_proto,
        event::decode,
        explain::{next_step, verdict},
        name,
        time::timestamp,
    },
    v1,
};
use echelon_domain::{
    BlockerNumber, Error, OrganizationId,
    explain::{self, Explanation},
};

use crate::{
    app::{App, FoundBlocker},
    grpc::page::Paging,
};

/// Most events read at once.
const PAGE_ROWS: usize = 1_000;

pub(super) async fn get(
    app: &App,
    message: v1::GetBlockerRequest,
) -> Result<v1::GetBlockerResponse, Error> {
    let v1::GetBlockerRequest { name, min_revision } = message;
    let (organization, number) = name::parse_blocker("name", &name)?;
    let FoundBlocker { blocker, snapshot } =
        app.blocker(&organization, number, min_revision).await?;
    Ok(v1::GetBlockerResponse {
        blocker: Some(to_proto(&organization, &blocker)),
        // A closed blocker comes from the database, which another replica may have taken further.
        revision: snapshot.revision().max(blocker.revision),
    })
}

pub(super) async fn history(
    app: &App,
    mut message: v1::ListBlockerHistoryRequest,
) -> Result<v1::ListBlockerHistoryResponse, Error> {
    let min_revision = std::mem::take(&mut message.min_revision);
    let paging = Paging::of(
        "ListBlockerHistory",
        &mut message,
        |m| (&mut m.page_size, &mut m.page_token),
        100,
    )?;
    let (organization, number) = name::parse_blocker("name", &message.name)?;
    let snapshot = app
        .blocker(&organization, number, min_revision)
        .await?
        .snapshot;
    let after = paging.cursor(|cursor| {
        let (revision, index) = cursor.split_once(':')?;
        Some((revision.parse().ok()?, index.parse().ok()?))
    })?;
    let mut rows = app
        .store()
        .blocker_events(&organization, number, after, paging.limit())
        .await?;
    // Other replicas may have written since; revisions become visible in order.
    let revision = rows.last().map_or(0, |row| row.revision);
    let next_page_token = paging.cut(&mut rows, |row| format!("{}:{}", row.revision, row.index));
    Ok(v1::ListBlockerHistoryResponse {
        events: rows
            .iter()
            .map(|row| decode(&row.payload))
            .collect::<Result<_, _>>()?,
        next_page_token,
        revision: revision.max(snapshot.revision()),
    })
}

pub(super) async fn explain(
    app: &Arc<App>,
    message: v1::ExplainBlockerRequest,
) -> Result<v1::ExplainBlockerResponse, Error> {
    let v1::ExplainBlockerRequest { name, min_revision } = message;
    let (organization, number) = name::parse_blocker("name", &name)?;
    let FoundBlocker { blocker, snapshot } =
        app.blocker(&organization, number, min_revision).await?;
    let now = app.time(&snapshot);
    let Explanation {
        summary,
        verdicts,
        next,
        facts,
    } = explain::explain(&snapshot, &blocker, now);
    Ok(v1::ExplainBlockerResponse {
        blocker: Some(to_proto(&organization, &blocker)),
        summary: summary.join("\n"),
        moves: moves(app, &organization, number, snapshot.revision()).await?,
        rules: verdicts
            .iter()
            .map(|rule| verdict(&organization, rule))
            .collect(),
        next: next.as_ref().map(|next| next_step(&organization, next)),
        facts,
        as_of_time: Some(timestamp(now)),
        revision: snapshot.revision(),
    })
}

/// Every move up to a revision, oldest first.
async fn moves(
    app: &App,
    organization: &OrganizationId,
    number: BlockerNumber,
    until: i64,
) -> Result<Vec<v1::Move>, Error> {
    let mut moves = Vec::new();
    let mut after = None;
    loop {
        let rows = app
            .store()
            .blocker_events(organization, number, after, PAGE_ROWS as u64)
            .await?;
        let Some(last) = rows.last() else {
            return Ok(moves);
        };
        after = Some((last.revision, last.index));
        let is_last = rows.len() < PAGE_ROWS || last.revision > until;
        for row in rows.iter().filter(|row| row.revision <= until) {
            if let Some(v1::event::Payload::BlockerChanged(v1::BlockerRecord {
                r#move: Some(moved),
                ..
            })) = decode(&row.payload)?.payload
            {
                moves.push(moved);
            }
        }
        if is_last {
            return Ok(moves);
        }
    }
}
