//! Everything that one commit writes, gathered first and sent at once: what costs is the way to the database, and the
//! statements, not their rows.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use echelon_domain::OrganizationId;

use crate::{
    blocker,
    cell::Cell,
    changes::Changes,
    counter,
    error::StoreError,
    event, meeting, node,
    organization::{self, Head},
    policy, request,
    sql::Part,
};

/// The head, and whatever is written if it can be moved on.
#[derive(Debug)]
pub(crate) struct Flush {
    pub(crate) head: HeadWrite,
    /// Written with the head.
    pub(crate) parts: Vec<Part>,
    /// Written after them, where that matters: a key of the ones may have gone over to the others.
    pub(crate) later: Vec<Part>,
    /// The revision that the changes were decided on.
    pub(crate) base_revision: i64,
    /// The head afterwards.
    pub(crate) after: Head,
}

/// What becomes of the head's row: it is what every write of an organization has in common, and so what tells whether
/// somebody else has written since.
#[derive(Debug)]
pub(crate) enum HeadWrite {
    /// A new one.
    Create(Part),
    /// An update that finds its row only where the changes were decided: the statement, and its values in order.
    Move {
        sql: &'static str,
        values: Vec<Cell>,
    },
}

impl Flush {
    /// What is to be written on this head; none: the organization is new. Errors: [`StoreError::Stale`] if the changes
    /// were decided on another revision.
    pub(crate) fn of(
        id: &OrganizationId,
        before: Option<&Head>,
        changes: &Changes,
    ) -> Result<Self, StoreError> {
        let Changes {
            base_revision,
            head,
            nodes,
            policies,
            versions,
            blockers,
            meetings,
            counters,
            events,
            requests,
        } = changes;
        let found = before.map_or(0, |head| head.revision);
        if found != *base_revision {
            return Err(StoreError::Stale {
                expected: *base_revision,
                found,
            });
        }
        let (head, after) = organization::head_write(id, before, head.as_ref())?;
        let blocker::Parts {
            closed: mut parts,
            others,
            in_order,
        } = blocker::parts(id, blockers)?;
        let mut later = Vec::new();
        if in_order {
            later = others;
        } else {
            parts.extend(others);
        }
        parts.extend([
            node::part(id, nodes)?,
            policy::part(id, policies)?,
            policy::version_part(id, versions)?,
            meeting::part(id, meetings)?,
            counter::part(id, after.revision, counters)?,
            event::part(id, events)?,
            request::part(id, requests)?,
        ]);
        parts.retain(|part| !part.rows.is_empty());
        Ok(Self {
            head,
            parts,
            later,
            base_revision: *base_revision,
            after,
        })
    }

    /// How many rows are written, besides the head.
    pub(crate) fn rows(&self) -> usize {
        let parts = self.parts.iter().chain(&self.later);
        parts.map(|part| part.rows.len()).sum()
    }

    /// What is said if the head is not where it was.
    pub(crate) const fn stale(&self) -> StoreError {
        StoreError::Stale {
            expected: self.base_revision,
            found: 0,
        }
    }
}
