//! `RollupService`.

use std::{cmp::Reverse, sync::Arc};

use echelon_api::{
    convert::{name, rollup::attention_page},
    v1::{self, rollup_service_server::SERVICE_NAME},
};
use echelon_domain::{
    BlockerNumber, Error, Timestamp,
    attention::{Range, Rank, Reason, attention},
    blocker::Severity,
};
use tonic::{Request, Response};

use super::{
    call::{refusal, reply},
    page::Paging,
    prepared::{ByHand, Incoming, Served, streaming, unary, unknown},
    stream::{Outlet, Refused, shutting_down, too_many, too_slow},
};
use crate::app::{App, Prepared, RollupWatch};

pub(super) struct Rollups {
    app: Arc<App>,
}

impl Rollups {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn get(&self, message: v1::GetRollupRequest) -> Result<Prepared, Error> {
        let v1::GetRollupRequest { node, min_revision } = message;
        let (organization, node) = name::parse_node("node", &node)?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        self.app.rollup(&snapshot, &node).await
    }

    async fn attention(
        &self,
        mut message: v1::ListAttentionRequest,
    ) -> Result<v1::ListAttentionResponse, Error> {
        // A later page may ask for a newer revision: it is no part of what is paged.
        let min_revision = std::mem::take(&mut message.min_revision);
        let paging = Paging::of(
            "ListAttention",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            50,
        )?;
        let (organization, node) = name::parse_node("node", &message.node)?;
        let snapshot = self.app.snapshot_for(&organization, min_revision).await?;
        // Every page is ranked as of the time of the first, or reasons that change with the clock would shift it.
        let begun = paging.cursor(attention_cursor)?;
        let (as_of, after) = match begun {
            Some((as_of, after)) => (as_of.min(self.app.time(&snapshot)), Some(after)),
            None => (self.app.time(&snapshot), None),
        };
        let range = Range {
            after,
            limit: paging.size + 1,
        };
        let mut page = attention(&snapshot, &node, message.include_subtree, range, as_of)?;
        let next_page_token = paging.cut(&mut page, |item| {
            let (reason, Reverse(severity), raised_at, number) = item.rank();
            format!(
                "{}:{}:{}:{}:{}",
                as_of.as_micros(),
                place(&Reason::ALL, reason),
                place(&Severity::ALL, severity),
                raised_at.as_micros(),
                number.get()
            )
        });
        Ok(attention_page(
            &organization,
            &page,
            next_page_token,
            as_of,
            snapshot.revision(),
        ))
    }

    async fn watch(&self, message: &v1::WatchRollupRequest) -> Result<RollupWatch, Error> {
        let (organization, node) = name::parse_node("node", &message.node)?;
        let min_revision = message.min_revision;
        self.app
            .watch_rollup(&organization, &node, min_revision)
            .await
    }
}

/// The time of the first page, and the rank of the last item of the page before.
fn attention_cursor(cursor: &str) -> Option<(Timestamp, Rank)> {
    let parts: Vec<i64> = cursor
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [as_of, reason, severity, raised_at, number] = parts.as_slice() else {
        return None;
    };
    let at = |index: &i64| usize::try_from(*index).ok();
    Some((
        Timestamp::from_micros(*as_of),
        (
            *Reason::ALL.get(at(reason)?)?,
            Reverse(*Severity::ALL.get(at(severity)?)?),
            Timestamp::from_micros(*raised_at),
            BlockerNumber::new(*number),
        ),
    ))
}

fn place<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().take_while(|other| **other != one).count()
}

/// Sends the roll-up as it changes, until the reader goes away, is too slow, or the server shuts down.
async fn run(app: Arc<App>, mut watch: RollupWatch, outlet: Outlet<Prepared>) {
    let _watching = app.metrics().watching("rollup");
    let reason = loop {
        match outlet.send(watch.newest()).await {
            Ok(()) => {}
            Err(Refused::Gone) => return,
            Err(Refused::Slow) => break too_slow(None),
        }
        tokio::select! {
            changed = watch.changed() => if !changed { break shutting_down() },
            () = outlet.gone() => return,
        }
    };
    outlet.end(reason);
}

impl ByHand for Rollups {
    const NAME: &'static str = SERVICE_NAME;

    fn serve(self: Arc<Self>, method: &str, call: Incoming) -> Served {
        match method {
            "GetRollup" => unary(call, move |request| async move {
                reply(self.get(request.into_inner()).await)
            }),
            "ListAttention" => unary(call, move |request| async move {
                let answer = self.attention(request.into_inner()).await;
                reply(answer.map(|answer| Prepared::of(&answer)))
            }),
            "WatchRollup" => streaming(
                call,
                move |request: Request<v1::WatchRollupRequest>| async move {
                    let room = self.app.room_for_watch().ok_or_else(too_many)?;
                    let watch = self.watch(request.get_ref()).await;
                    let watch = watch.map_err(|error| refusal(&error))?;
                    let (outlet, answers) = Outlet::new()?;
                    let app = self.app.clone();
                    tokio::spawn(async move {
                        run(app, watch, outlet).await;
                        drop(room);
                    });
                    Ok(Response::new(answers))
                },
            ),
            _ => unknown(),
        }
    }
}
