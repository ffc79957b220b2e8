//! `RollupService`.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use echelon_api::{
    convert::{
        name,
        rollup::{attention_page, to_proto},
    },
    v1::{self, rollup_service_server::RollupService},
};
use echelon_domain::{
    BlockerNumber, Error, NodeId, Organization, OrganizationId, Timestamp,
    attention::{Range, Rank, Reason, attention},
    blocker::Severity,
    rollup::rollup,
};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status, async_trait};

use super::{
    call::{refusal, reply},
    page::Paging,
    stream::{Answers, Outlet, Refused, shutting_down, too_slow},
};
use crate::app::App;

/// How long a read waits for the revision that it asks for, if the call's own deadline is not nearer.
const REVISION_PATIENCE: Duration = Duration::from_secs(10);
/// A watcher gets at most one answer in this time.
const PACE: Duration = Duration::from_millis(100);
/// How often a watcher looks for figures that change with the clock.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

pub(super) struct Rollups {
    app: Arc<App>,
}

impl Rollups {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn get(&self, message: v1::GetRollupRequest) -> Result<v1::GetRollupResponse, Error> {
        let v1::GetRollupRequest { node, min_revision } = message;
        let (organization, node) = name::parse_node("node", &node)?;
        let snapshot = if min_revision > 0 {
            self.app
                .snapshot_at(&organization, min_revision, REVISION_PATIENCE)
                .await?
        } else {
            self.app.snapshot(&organization).await?
        };
        Ok(v1::GetRollupResponse {
            rollup: Some(rolled_up(&self.app, &snapshot, &node)?),
        })
    }

    async fn attention(
        &self,
        mut message: v1::ListAttentionRequest,
    ) -> Result<v1::ListAttentionResponse, Error> {
        let paging = Paging::of(
            "ListAttention",
            &mut message,
            |m| (&mut m.page_size, &mut m.page_token),
            50,
        )?;
        let (organization, node) = name::parse_node("node", &message.node)?;
        let snapshot = self.app.snapshot(&organization).await?;
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

    async fn watch(&self, message: &v1::WatchRollupRequest) -> Result<Watched, Error> {
        let (organization, node) = name::parse_node("node", &message.node)?;
        let snapshot = self.app.snapshot(&organization).await?;
        let first = rolled_up(&self.app, &snapshot, &node)?;
        Ok(Watched {
            app: self.app.clone(),
            organization,
            node,
            first,
        })
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

fn rolled_up(app: &App, snapshot: &Organization, node: &NodeId) -> Result<v1::Rollup, Error> {
    let rollup = rollup(snapshot, node, app.time(snapshot))?;
    Ok(to_proto(snapshot.id(), &rollup))
}

/// A roll-up that is watched.
struct Watched {
    app: Arc<App>,
    organization: OrganizationId,
    node: NodeId,
    first: v1::Rollup,
}

impl Watched {
    async fn run(self, outlet: Outlet<v1::WatchRollupResponse>) {
        let _watching = self.app.metrics().watching("rollup");
        let reason = match self.send_all(&outlet).await {
            Ok(()) => shutting_down(),
            Err(Ended::Refused(Refused::Gone)) => return,
            Err(Ended::Refused(Refused::Slow)) => too_slow(),
            Err(Ended::Failed(error)) => refusal(&error),
        };
        outlet.end(reason);
    }

    /// Sends until the server shuts down.
    async fn send_all(&self, outlet: &Outlet<v1::WatchRollupResponse>) -> Result<(), Ended> {
        let mut published = self.app.subscribe(&self.organization).await?;
        let mut shown = essence(&self.first);
        send(outlet, self.first.clone()).await?;
        loop {
            let not_before = Instant::now() + PACE;
            tokio::select! {
                () = self.app.shutdown().cancelled() => return Ok(()),
                () = outlet.gone() => return Err(Refused::Gone.into()),
                changed = published.changed() => if changed.is_err() { return Ok(()) },
                () = sleep_until(Instant::now() + CLOCK_LOOK) => {}
            }
            sleep_until(not_before).await;
            let snapshot = published.borrow_and_update().clone();
            let rollup = rolled_up(&self.app, &snapshot, &self.node)?;
            let now = essence(&rollup);
            if now != shown {
                shown = now;
                send(outlet, rollup).await?;
            }
        }
    }
}

/// Why a watch ends.
enum Ended {
    Refused(Refused),
    Failed(Error),
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

async fn send(outlet: &Outlet<v1::WatchRollupResponse>, rollup: v1::Rollup) -> Result<(), Refused> {
    outlet
        .send(v1::WatchRollupResponse {
            rollup: Some(rollup),
        })
        .await
}

/// A roll-up without what changes though nothing that it shows does: its time, its revision, ages in notes, and the
/// etags that comments change.
fn essence(rollup: &v1::Rollup) -> v1::Rollup {
    let mut essence = rollup.clone();
    essence.as_of_time = None;
    essence.revision = 0;
    for item in &mut essence.attention {
        item.note.clear();
        if let Some(blocker) = &mut item.blocker {
            blocker.etag.clear();
        }
    }
    essence
}

#[async_trait]
impl RollupService for Rollups {
    type WatchRollupStream = Answers<v1::WatchRollupResponse>;

    async fn get_rollup(
        &self,
        request: Request<v1::GetRollupRequest>,
    ) -> Result<Response<v1::GetRollupResponse>, Status> {
        reply(self.get(request.into_inner()).await)
    }

    async fn list_attention(
        &self,
        request: Request<v1::ListAttentionRequest>,
    ) -> Result<Response<v1::ListAttentionResponse>, Status> {
        reply(self.attention(request.into_inner()).await)
    }

    async fn watch_rollup(
        &self,
        request: Request<v1::WatchRollupRequest>,
    ) -> Result<Response<Self::WatchRollupStream>, Status> {
        let watched = self
            .watch(request.get_ref())
            .await
            .map_err(|error| refusal(&error))?;
        let (outlet, answers) = Outlet::new()?;
        tokio::spawn(watched.run(outlet));
        Ok(Response::new(answers))
    }
}
