//! The newest revision that a client has seen of each organization, so that it can read what it wrote through whichever
//! server it asks next.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Organizations that are remembered; of one more, another is forgotten.
const REMEMBERED: usize = 10_000;

/// Newest revisions by the id of the organization.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    newest: Mutex<HashMap<String, i64>>,
}

impl Revisions {
    /// The newest that was seen; 0 for none.
    pub(crate) fn newest(&self, organization: &str) -> i64 {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(organization).copied().unwrap_or(0)
    }

    /// Takes note of an answer.
    pub(crate) fn note(&self, organization: &str, revision: i64) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = newest.get_mut(organization) {
            *known = revision.max(*known);
            return;
        }
        if newest.len() >= REMEMBERED
            && let Some(any) = newest.keys().next().cloned()
        {
            newest.remove(&any);
        }
        newest.insert(organization.to_owned(), revision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_and_memory_is_bounded() {
        let revisions = Revisions::default();
        for revision in [3, 7, 5] {
            revisions.note("acme", revision);
        }
        assert_eq!(revisions.newest("acme"), 7);
        assert_eq!(revisions.newest("other"), 0);
        for number in 0..REMEMBERED {
            revisions.note(&format!("organization-{number}"), 1);
        }
        assert_eq!(revisions.newest.lock().unwrap().len(), REMEMBERED);
    }
}
