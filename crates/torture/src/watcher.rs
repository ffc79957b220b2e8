//! Watchers: each keeps its place by the token of the last message, goes on through another replica when its own is gone,
//! and begins anew only when it is told that its history is no more.

mod rollup;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use echelon_api::v1;
use echelon_client::{Client, Failure};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::{Status, Streaming};

use crate::{
    client::{Links, organization},
    record::{Logged, Opening, Seen, Sight, Verdict},
    site::Site,
    stall::Patience,
};

pub(crate) use rollup::follow as follow_rollup;

/// How long a stream may be silent: heartbeats come every second.
const SILENCE: Duration = Duration::from_secs(5);
/// The wait before a stream is opened again.
const AGAIN: Duration = Duration::from_millis(150);
/// How long a watcher has to catch up at the end.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a slow watcher takes for a message.
const SLOWNESS: Duration = Duration::from_millis(350);
/// How long a dead watcher stays connected.
const DEADNESS: Duration = Duration::from_secs(15);

/// How a watcher behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It reads what comes.
    Prompt,
    /// It takes its time.
    Slow,
    /// It opens streams and never reads.
    Dead,
}

/// A watcher.
pub(crate) struct Watcher {
    /// The site.
    pub(crate) site: Arc<Site>,
    /// What it is called.
    pub(crate) name: String,
    /// Resource name of the node whose subtree it watches; empty: of all.
    pub(crate) subtree: String,
    /// How it behaves.
    pub(crate) pace: Pace,
    /// At the end: a revision to reach before it ends.
    pub(crate) goal: watch::Receiver<Option<i64>>,
}

/// Where a watcher is.
struct Place {
    token: String,
    history: usize,
}

impl Watcher {
    /// Watches until the goal is reached. Returns what it saw, by history.
    ///
    /// # Errors
    /// If it cannot connect anywhere.
    pub(crate) async fn watch(self) -> Result<Vec<Sight>> {
        let links = Links::new(&self.site)?;
        if self.pace == Pace::Dead {
            self.play_dead(&links).await;
            return Ok(Vec::new());
        }
        let mut sights: Vec<Sight> = Vec::new();
        let mut place: Option<Place> = None;
        let mut messages = 0;
        let mut patience = None;
        for replica in self.name.len().. {
            if self.is_done(sights.last(), &mut patience) {
                break;
            }
            self.site.passable().await;
            let shown_in = self.site.history();
            let client = links.to(replica).clone();
            let Some(at) = &mut place else {
                if let Some((sight, at)) = self.begin(&client, shown_in).await {
                    sights.push(sight);
                    place = Some(at);
                } else {
                    sleep(AGAIN).await;
                }
                continue;
            };
            let Some(sight) = sights.last_mut() else {
                place = None;
                continue;
            };
            let mut opening = Opening {
                token_of: at.history,
                shown_in,
                replica: replica % links.count(),
                verdict: Verdict::Lost,
            };
            let ended = match timeout(SILENCE, self.open(&client, &at.token)).await {
                Ok(Ok(stream)) => {
                    let mut stay = Stay {
                        watcher: &self,
                        place: at,
                        sight: &mut *sight,
                        opening: &mut opening,
                        messages: &mut messages,
                    };
                    stay.read(stream, &mut patience).await
                }
                Ok(Err(status)) => Some(status),
                Err(_) => None,
            };
            let reason = ended.and_then(|status| Failure::from(&status).reason);
            let refusal = reason.filter(|reason| {
                matches!(
                    reason.as_str(),
                    "FOREIGN_RESUME_TOKEN"
                        | "FUTURE_REVISION"
                        | "COMPACTED"
                        | "INVALID_RESUME_TOKEN"
                )
            });
            if let Some(reason) = refusal {
                opening.verdict = Verdict::Refused(reason);
                place = None;
            }
            sight.openings.push(opening);
            sleep(AGAIN).await;
        }
        if let (Some(sight), Some(goal)) = (sights.last_mut(), *self.goal.borrow()) {
            sight.due = goal;
        }
        Ok(sights)
    }

    /// Lists the first events, and takes the place after them.
    async fn begin(&self, client: &Client, history: usize) -> Option<(Sight, Place)> {
        let request = v1::ListEventsRequest {
            parent: organization(),
            subtree: self.subtree.clone(),
            page_size: 1,
            ..v1::ListEventsRequest::default()
        };
        let page = client
            .events()
            .list_events(request)
            .await
            .ok()?
            .into_inner();
        let mut sight = Sight {
            watcher: self.name.clone(),
            history,
            subtree: self.subtree.clone(),
            ..Sight::default()
        };
        for event in &page.events {
            sight.reached = sight.reached.max(event.revision);
            sight.events.push(Seen {
                event: Logged::from(event),
                message: 0,
            });
        }
        let place = Place {
            token: page.resume_token,
            history,
        };
        Some((sight, place))
    }

    async fn open(
        &self,
        client: &Client,
        token: &str,
    ) -> Result<Streaming<v1::WatchEventsResponse>, Status> {
        let request = v1::WatchEventsRequest {
            parent: organization(),
            resume_token: token.to_owned(),
            subtree: self.subtree.clone(),
            heartbeat: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
            }),
        };
        let answer = client.events().watch_events(request).await?;
        Ok(answer.into_inner())
    }

    /// Whether the goal is set, and reached or out of reach.
    fn is_done(&self, sight: Option<&Sight>, patience: &mut Option<Patience>) -> bool {
        let Some(goal) = *self.goal.borrow() else {
            return false;
        };
        let patience = patience.get_or_insert_with(|| Patience::new(&self.site, PATIENCE));
        let reached = sight
            .is_some_and(|sight| sight.history == self.site.history() && sight.reached >= goal);
        reached || patience.is_over(&self.site)
    }

    /// Opens streams and reads nothing of them.
    async fn play_dead(&self, links: &Links) {
        let mut goal = self.goal.clone();
        for replica in 0.. {
            self.site.passable().await;
            let opened = timeout(SILENCE, self.open(links.to(replica), "")).await;
            tokio::select! {
                _ = goal.wait_for(Option::is_some) => return,
                () = sleep(DEADNESS) => {}
            }
            drop(opened);
        }
    }
}

/// One stream of a watcher.
struct Stay<'a> {
    watcher: &'a Watcher,
    place: &'a mut Place,
    sight: &'a mut Sight,
    opening: &'a mut Opening,
    messages: &'a mut u64,
}

impl Stay<'_> {
    /// Reads until the stream ends, and returns with what.
    async fn read(
        &mut self,
        mut stream: Streaming<v1::WatchEventsResponse>,
        patience: &mut Option<Patience>,
    ) -> Option<Status> {
        loop {
            let message = match timeout(SILENCE, stream.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) | Err(_) => return None,
                Ok(Err(status)) => return Some(status),
            };
            self.opening.verdict = Verdict::Accepted;
            *self.messages += 1;
            self.sight
                .events
                .extend(message.events.iter().map(|event| Seen {
                    event: Logged::from(event),
                    message: *self.messages,
                }));
            self.sight.reached = self.sight.reached.max(message.revision);
            self.place.token = message.resume_token;
            self.place.history = self.opening.shown_in;
            if self.watcher.is_done(Some(self.sight), patience) {
                return None;
            }
            if self.watcher.pace == Pace::Slow && self.watcher.goal.borrow().is_none() {
                sleep(SLOWNESS).await;
            }
        }
    }
}
