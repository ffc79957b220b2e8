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
    /// The snapshot, taken first: what was read from the database reflects its revision at least.
    pub snapshot: Arc<Organization>,
}

/// A meeting, and the snapshot it was read beside.
#[derive(Clone, Debug)]
pub struct FoundMeeting {
    /// The meeting.
    pub meeting: Arc<Meeting>,
    /// The snapshot, taken first: what was read from the database reflects its revision at least.
    pub snapshot: Arc<Organization>,
}

impl App {
    /// A blocker, closed ones included, as of at least a revision. Errors: as [`App::snapshot_for`].
    pub async fn blocker(
        &self,
        id: &OrganizationId,
        number: BlockerNumber,
        min_revision: i64,
    ) -> Result<FoundBlocker, Error> {
        let snapshot = self.snapshot_for(id, min_revision).await?;
        self.blocker_beside(snapshot, number).await
    }

    /// A blocker of a snapshot or, if it is closed, of the database. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub(super) async fn blocker_beside(
        &self,
        snapshot: Arc<Organization>,
        number: BlockerNumber,
    ) -> Result<FoundBlocker, Error> {
        if let Ok(blocker) = snapshot.blocker(number) {
            return Ok(FoundBlocker {
                blocker: blocker.clone(),
                snapshot,
            });
        }
        match self.store().blocker(snapshot.id(), number).await? {
            Some(blocker) => Ok(FoundBlocker {
                blocker: Arc::new(blocker),
                snapshot,
            }),
            None => Err(Error::not_found("blocker", number)),
        }
    }

    /// A meeting, closed ones included, as of at least a revision. Errors: as [`App::snapshot_for`].
    pub async fn meeting(
        &self,
        id: &OrganizationId,
        number: MeetingNumber,
        min_revision: i64,
    ) -> Result<FoundMeeting, Error> {
        let snapshot = self.snapshot_for(id, min_revision).await?;
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
