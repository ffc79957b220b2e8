//! `RollupService`.

use std::{
    cmp::Reverse,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use echelon_api::{
    convert::{name, rollup::attention_page},
    v1::{self, rollup_service_server::SERVICE_NAME},
};
use echelon_domain::{
    BlockerNumber, Error, Timestamp,
    attention::{Range, Rank, Reason, attention},
    blocker::Severity,
};
use tonic::{Request, Response, body::Body, server::NamedService};
use tower::Service;

use super::{
    call::{refusal, reply},
    page::Paging,
    prepared::{Served, streaming, unary, unknown},
    stream::{Outlet, Refused, shutting_down, too_slow},
};
use crate::app::{App, Prepared, RollupWatch};

struct Rollups {
    app: Arc<App>,
}

impl Rollups {
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
        self.app.watch_rollup(&organization, &node).await
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

/// The service, served by hand: roll-ups are prepared.
#[derive(Clone)]
pub(super) struct RollupServer {
    rollups: Arc<Rollups>,
    max_message_bytes: usize,
}

impl RollupServer {
    pub(super) fn new(app: Arc<App>, max_message_bytes: usize) -> Self {
        Self {
            rollups: Arc::new(Rollups { app }),
            max_message_bytes,
        }
    }
}

impl NamedService for RollupServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for RollupServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Served;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Served {
        let rollups = self.rollups.clone();
        let max = self.max_message_bytes;
        match request.uri().path().rsplit('/').next() {
            Some("GetRollup") => unary(request, max, move |request| async move {
                reply(rollups.get(request.into_inner()).await)
            }),
            Some("ListAttention") => unary(request, max, move |request| async move {
                let answer = rollups.attention(request.into_inner()).await;
                reply(answer.map(|answer| Prepared::of(&answer)))
            }),
            Some("WatchRollup") => streaming(
                request,
                max,
                move |request: Request<v1::WatchRollupRequest>| async move {
                    let watch = rollups
                        .watch(request.get_ref())
                        .await
                        .map_err(|error| refusal(&error))?;
                    let (outlet, answers) = Outlet::new()?;
                    tokio::spawn(run(rollups.app.clone(), watch, outlet));
                    Ok(Response::new(answers))
                },
            ),
            _ => unknown(),
        }
    }
}
