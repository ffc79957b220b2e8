//! The feed of events. The log is the truth; a published snapshot only wakes the reader up, so nothing is missed and
//! nothing comes twice, however commits interleave (E10).

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use echelon_api::convert::{event::decode, name};
use echelon_domain::{
    Error, FieldError, InvalidReason, NodeId, Organization, OrganizationId, Precondition, Timestamp,
};
use prost::bytes::Bytes;
use tokio::{sync::watch, time::Instant};

use super::{
    App,
    recent::{Recent, Recorded},
};

/// Most events read at once, rounded up to a whole revision.
const PAGE: usize = 500;
/// Most bytes of events in one page, as long as it is more than one revision: clients take messages of a few MiB.
const PAGE_BYTES: usize = 1024 * 1024;
/// Events that are committed within this time of each other may come in one page.
const PACE: Duration = Duration::from_millis(40);
/// Version of the tokens.
const TOKEN: &str = "1";

/// Where a reader is: an organization, an epoch of its history, and the last revision read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    organization: OrganizationId,
    epoch: String,
    revision: i64,
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!(
            "{TOKEN}/{}/{}/{}",
            self.organization, self.epoch, self.revision
        );
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl ResumeToken {
    /// The last revision read.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// Reads a token given in `field`. Errors: [`Error::Invalid`].
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let malformed = || Error::Invalid {
            reason: InvalidReason::ResumeToken,
            fields: vec![FieldError::new(
                field,
                "is no resume token: send back one that this service gave out, or none",
            )],
        };
        let plain = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed())?;
        let plain = String::from_utf8(plain).map_err(|_| malformed())?;
        match plain.split('/').collect::<Vec<_>>().as_slice() {
            [TOKEN, organization, epoch, revision] => Ok(Self {
                organization: OrganizationId::new(field, organization).map_err(|_| malformed())?,
                epoch: (*epoch).to_owned(),
                revision: revision
                    .parse()
                    .ok()
                    .filter(|revision| *revision >= 0)
                    .ok_or_else(malformed)?,
            }),
            _ => Err(malformed()),
        }
    }
}

/// An event as its bytes stand in the log.
#[derive(Clone, Debug)]
pub struct RawEvent {
    /// The encoded event.
    pub payload: Bytes,
    /// When it happened.
    pub at: Timestamp,
}

/// Events of whole revisions, in order.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events; those of other subtrees are left out.
    pub events: Vec<RawEvent>,
    /// Where to go on.
    pub token: ResumeToken,
    /// Revision up to which everything has been read.
    pub revision: i64,
    /// True if there may be more already.
    pub more: bool,
}

/// What a waiting reader gets.
#[derive(Clone, Debug)]
pub enum Step {
    /// New events, perhaps none of the subtree.
    Page(Page),
    /// Nothing for as long as the reader wanted to wait.
    Heartbeat(Page),
    /// The server shuts down.
    Ended,
}

/// Where a reader begins.
#[derive(Clone, Debug)]
pub enum Start {
    /// With what comes from now on.
    Now,
    /// With what follows a revision.
    After(i64),
    /// With what follows a token.
    Token(ResumeToken),
}

/// A reader of one organization's events.
pub struct Feed {
    app: Arc<App>,
    token: ResumeToken,
    subtree: Option<NodeId>,
    recent: Arc<Recent>,
    published: watch::Receiver<Arc<Organization>>,
    /// When events that came singly are looked for again.
    not_before: Instant,
}

impl Feed {
    /// A reader from somewhere on. Errors: [`Error::FailedPrecondition`] for a token of another history,
    /// [`Error::OutOfRange`] for what lies in the future, [`Error::Compacted`] for what is no longer in the log,
    /// [`Error::NotFound`].
    pub async fn open(
        app: Arc<App>,
        id: &OrganizationId,
        start: Start,
        subtree: Option<&NodeId>,
    ) -> Result<Self, Error> {
        let runtime = app.existing(id).await?;
        let published = runtime.subscribe();
        if let Some(node) = subtree {
            published.borrow().tree().require(node)?;
        }
        let newest = newest(&app, id).await?;
        let token = match start {
            Start::Now => newest.clone(),
            Start::After(revision) => ResumeToken {
                revision,
                ..newest.clone()
            },
            Start::Token(token) => token,
        };
        check(&token, &newest)?;
        let feed = Self {
            subtree: subtree.cloned(),
            recent: runtime.recent().clone(),
            app,
            token,
            published,
            not_before: Instant::now(),
        };
        if feed.at_hand(1).is_none()
            && let Some(oldest) = feed.app.store().oldest_revision(id).await?
        {
            follows(feed.token.revision, oldest)?;
        }
        Ok(feed)
    }

    /// The token to resume with.
    #[must_use]
    pub const fn token(&self) -> &ResumeToken {
        &self.token
    }

    /// What follows, if this replica has it all at hand; empty if it knows of nothing newer.
    fn at_hand(&self, limit: usize) -> Option<Vec<Recorded>> {
        let ResumeToken {
            organization: _,
            epoch,
            revision,
        } = &self.token;
        self.recent.after(epoch, *revision, limit, PAGE_BYTES)
    }

    /// A page of what is at hand.
    fn read_recent(&mut self, events: &[Recorded], limit: usize) -> Page {
        let bytes: usize = events.iter().map(|event| event.payload.len()).sum();
        let more = events.len() >= limit || bytes > PAGE_BYTES;
        if let Some(last) = events.last() {
            self.token.revision = last.revision;
        }
        let wanted = events.iter().filter(|event| {
            let subtree = self.subtree.as_ref();
            subtree.is_none_or(|top| event.is_about(top))
        });
        let wanted = wanted.map(|event| RawEvent {
            payload: event.payload.clone(),
            at: event.at,
        });
        self.page(wanted.collect(), more)
    }

    /// The next events, at most about `limit` read and rounded up to a whole revision; none if there are no more yet.
    /// Errors: [`Error::Compacted`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn read(&mut self, limit: usize) -> Result<Page, Error> {
        let ResumeToken {
            organization,
            epoch: _,
            revision,
        } = &self.token;
        let store = self.app.store();
        let rows = store.events_after(organization, *revision, limit).await?;
        let subtree = self.subtree.as_ref();
        let subtree = subtree.map(|node| name::node(organization, node));
        let mut more = rows.len() >= limit;
        if let Some(first) = rows.first() {
            // Revisions have no gaps: what lies between was compacted since this reader began.
            follows(*revision, first.revision)?;
        }
        let mut events = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for row in rows {
            if row.revision != self.token.revision && bytes > PAGE_BYTES {
                more = true;
                break;
            }
            bytes += row.payload.len();
            self.token.revision = row.revision;
            let is_wanted = match &subtree {
                None => true,
                Some(top) => decode(&row.payload)?.nodes.contains(top),
            };
            if is_wanted {
                events.push(RawEvent {
                    payload: row.payload.into(),
                    at: row.at,
                });
            }
        }
        Ok(self.page(events, more))
    }

    /// Waits for the next events, at most `patience`. Errors: as [`Feed::read`], and those of [`Feed::open`] if the
    /// history is replaced while it waits.
    pub async fn next(&mut self, patience: Duration) -> Result<Step, Error> {
        let deadline = Instant::now() + patience;
        loop {
            tokio::time::sleep_until(self.not_before.min(deadline)).await;
            // What is published from here on wakes the wait below.
            let newest = self.published.borrow_and_update().revision();
            if newest < self.token.revision {
                self.check_history().await?;
            }
            let before = self.token.revision;
            let page = match self.at_hand(PAGE) {
                Some(events) => self.read_recent(&events, PAGE),
                None => self.read(PAGE).await?,
            };
            if !page.more {
                // What follows soon comes in one page: a thousand watchers are woken less often.
                self.not_before = Instant::now() + PACE;
            }
            if !page.events.is_empty() {
                return Ok(Step::Page(page));
            }
            if self.token.revision > before {
                // Other subtrees had something; there may be more behind it. A reader that has far to go is told how far
                // it is, so that it need not begin anew if it is cut off.
                if self.app.shutdown().is_cancelled() {
                    return Ok(Step::Ended);
                }
                if Instant::now() >= deadline {
                    return Ok(Step::Heartbeat(page));
                }
                continue;
            }
            tokio::select! {
                () = self.app.shutdown().cancelled() => return Ok(Step::Ended),
                changed = self.published.changed() => if changed.is_err() {
                    return Ok(Step::Ended);
                },
                () = tokio::time::sleep_until(deadline) => {
                    self.check_history().await?;
                    // The log is the truth, whatever this replica knows of it.
                    let page = self.read(PAGE).await?;
                    return Ok(if page.events.is_empty() {
                        Step::Heartbeat(page)
                    } else {
                        Step::Page(page)
                    });
                }
            }
        }
    }

    fn page(&self, events: Vec<RawEvent>, more: bool) -> Page {
        Page {
            events,
            token: self.token.clone(),
            revision: self.token.revision,
            more,
        }
    }

    /// Refuses to go on in another history than the one that was begun.
    async fn check_history(&self) -> Result<(), Error> {
        let newest = newest(&self.app, &self.token.organization).await?;
        check(&self.token, &newest)
    }
}

/// Where the organization's history stands.
async fn newest(app: &App, id: &OrganizationId) -> Result<ResumeToken, Error> {
    let head = app.head(id).await?;
    Ok(ResumeToken {
        organization: id.clone(),
        epoch: head.epoch,
        revision: head.revision,
    })
}

fn check(token: &ResumeToken, newest: &ResumeToken) -> Result<(), Error> {
    let ResumeToken {
        organization,
        epoch,
        revision,
    } = newest;
    if token.organization != *organization {
        return Err(Error::precondition(
            Precondition::ForeignResumeToken,
            format!(
                "the resume token is of organization `{}`: watch that one, or start without a token",
                token.organization
            ),
        ));
    }
    if token.epoch != *epoch {
        return Err(Error::precondition(
            Precondition::ForeignResumeToken,
            "the resume token is of another history, as after a restore: read a snapshot and start without a token",
        ));
    }
    if token.revision > *revision {
        return Err(Error::OutOfRange {
            message: format!(
                "revision {} lies in the future, the newest is {revision}: start without a token or from a revision that was read",
                token.revision
            ),
        });
    }
    Ok(())
}

/// Refuses to go on with a revision that is not the next. The newest one is never compacted: where nothing is left to read, nothing
/// is missing.
fn follows(read: i64, next: i64) -> Result<(), Error> {
    if next <= read + 1 {
        return Ok(());
    }
    let compacted = next - 1;
    Err(Error::Compacted {
        message: format!(
            "revision {read} is older than the log, which is compacted up to revision {compacted}: read a snapshot and \
             watch from its revision, or list what follows {compacted}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e10_tokens_read_what_they_print_and_nonsense_is_refused() {
        let token = ResumeToken {
            organization: OrganizationId::new("name", "acme").unwrap(),
            epoch: "f00d".to_owned(),
            revision: 17,
        };
        assert_eq!(
            ResumeToken::parse("token", &token.to_string()).unwrap(),
            token
        );
        for nonsense in ["%", "AAAA", &URL_SAFE_NO_PAD.encode("1/acme/x/-1"), "MS8"] {
            assert!(ResumeToken::parse("token", nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn e10_a_token_of_another_history_or_of_the_future_is_refused() {
        let token = |organization: &str, epoch: &str, revision| ResumeToken {
            organization: OrganizationId::new("name", organization).unwrap(),
            epoch: epoch.to_owned(),
            revision,
        };
        let newest = token("acme", "a", 9);
        assert!(check(&token("acme", "a", 9), &newest).is_ok());
        assert!(check(&token("acme", "a", 0), &newest).is_ok());
        assert!(check(&token("acme", "b", 1), &newest).is_err());
        assert!(check(&token("other", "a", 1), &newest).is_err());
        assert!(matches!(
            check(&token("acme", "a", 10), &newest),
            Err(Error::OutOfRange { .. })
        ));
    }
}
