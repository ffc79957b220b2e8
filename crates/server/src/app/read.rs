//! Reads of what may be at hand or only in the store: the snapshot first, it costs nothing.

use std::sync::Arc;

use echelon_domain::{
    BlockerNumber, Error, MeetingNumber, Organization, OrganizationId,
    blocker::Blocker,
    list::{self, BlockerQuery},
    meeting::Meeting,
};

use super::App;

/// Origins whose open and closed blockers are joined; of more the database finds enough in the order of the list.
const FEW_ORIGINS: usize = 1_000;
/// How often that is tried. In an organization where so many nodes change so fast, the database finds enough too.
const JOIN_TRIES: usize = 5;

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

    /// A page of blockers, closed ones included, and the revision that it reflects, which is the snapshot's at least.
    /// Errors: [`Error::Unavailable`].
    pub async fn blockers_beside(
        &self,
        snapshot: &Organization,
        query: &BlockerQuery,
    ) -> Result<(i64, Vec<Arc<Blocker>>), Error> {
        if query.is_live() {
            return Ok((snapshot.revision(), list::page(snapshot, query)));
        }
        let (read_at, found) = match self.joined(snapshot.id(), query).await? {
            Some(joined) => joined,
            None => self.stored(snapshot.id(), query).await?,
        };
        // Which nodes a subtree has is as of the snapshot, and another replica may have added some since.
        let revision = if query.origins.is_some() || query.holders.is_some() {
            read_at.min(snapshot.revision())
        } else {
            read_at
        };
        Ok((revision, found))
    }

    /// A page from the database.
    async fn stored(
        &self,
        id: &OrganizationId,
        query: &BlockerQuery,
    ) -> Result<(i64, Vec<Arc<Blocker>>), Error> {
        let (revision, found) = self.store().blockers(id, query).await?;
        Ok((revision, found.into_iter().map(Arc::new).collect()))
    }

    /// A page of what a few nodes have raised, the closed from the database, which finds only those by their origin, and the
    /// open from memory. Both must be of one revision: none if that does not come about, where the nodes change all
    /// the time, or if the query is no such.
    async fn joined(
        &self,
        id: &OrganizationId,
        query: &BlockerQuery,
    ) -> Result<Option<(i64, Vec<Arc<Blocker>>)>, Error> {
        let few = query.origins.as_ref();
        let few = few.filter(|origins| origins.len() <= FEW_ORIGINS);
        let (Some(origins), Some(open), Some(closed)) =
            (few, query.open_part(), query.closed_part())
        else {
            return Ok(None);
        };
        for _ in 0..JOIN_TRIES {
            let (revision, closed) = self.stored(id, &closed).await?;
            let snapshot = self.snapshot_for(id, revision).await?;
            // What the snapshot has beyond that revision is about others.
            if origins
                .iter()
                .all(|origin| snapshot.changed(origin) <= revision)
            {
                let open = list::page(&snapshot, &open);
                return Ok(Some((revision, list::join(open, closed, query))));
            }
        }
        Ok(None)
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
