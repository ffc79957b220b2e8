//! Reads of what may be at hand or only in the store: the snapshot first, it costs nothing.

use std::sync::Arc;

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, Organization, OrganizationId, blocker::Blocker,
    meeting::Meeting,
};

use super::App;

/// A blocker, and the snapshot it was read beside.
#[derive(Clone, Debug)]
pub struct FoundBlocker {
    /// The blocker.
    pub blocker: Arc<Blocker>,
    /// The newest snapshot.
    pub snapshot: Arc<Organization>,
}

/// A meeting, and the snapshot it was read beside.
#[derive(Clone, Debug)]
pub struct FoundMeeting {
    /// The meeting.
    pub meeting: Arc<Meeting>,
    /// The newest snapshot.
    pub snapshot: Arc<Organization>,
}

impl App {
    /// A blocker, closed ones included. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn blocker(
        &self,
        id: &OrganizationId,
        number: BlockerNumber,
    ) -> Result<FoundBlocker, Error> {
        let snapshot = self.snapshot(id).await?;
        if let Ok(blocker) = snapshot.blocker(number) {
            return Ok(FoundBlocker {
                blocker: blocker.clone(),
                snapshot,
            });
        }
        match self.store().blocker(id, number).await? {
            Some(blocker) => Ok(FoundBlocker {
                blocker: Arc::new(blocker),
                snapshot,
            }),
            None => Err(Error::not_found("blocker", number)),
        }
    }

    /// A meeting, closed ones included. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn meeting(
        &self,
        id: &OrganizationId,
        number: MeetingNumber,
    ) -> Result<FoundMeeting, Error> {
        let snapshot = self.snapshot(id).await?;
        if let Ok(meeting) = snapshot.meeting(number) {
            return Ok(FoundMeeting {
                meeting: meeting.clone(),
                snapshot,
            });
        }
        match self.store().meeting(id, number).await? {
            Some(meeting) => Ok(FoundMeeting {
                meeting: Arc::new(meeting),
                snapshot,
            }),
            None => Err(Error::not_found("meeting", number)),
        }
    }
}
