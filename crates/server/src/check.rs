//! The check of a database against the guarantees, offline: folds every event log from its beginning and compares the
//! outcome with the tables (E9), and checks both for E1 and E2.

use echelon_api::convert::event::from_record;
use echelon_domain::{
    Organization, OrganizationId,
    check::{Completeness, Violation, check, compare},
};
use echelon_store::{Store, StoreError};

/// Events read at once.
const PAGE: usize = 1000;

/// What the check found in one organization.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The organization.
    pub organization: OrganizationId,
    /// Revision of its newest event in the log.
    pub revision: i64,
    /// Events in its log.
    pub events: u64,
    /// Blockers that were ever raised.
    pub blockers: usize,
    /// What does not hold; empty if all is well.
    pub violations: Vec<Violation>,
}

/// Checks every organization of a database that no server writes to.
/// Errors: the database cannot be read.
pub async fn check_all(store: &Store) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    for (id, _) in store.heads().await? {
        findings.push(check_organization(store, id).await?);
    }
    Ok(findings)
}

/// Checks one organization. Errors: the database cannot be read.
pub async fn check_organization(store: &Store, id: OrganizationId) -> Result<Finding, StoreError> {
    let mut folded = Organization::empty(id.clone());
    let mut events = 0;
    let mut violations = Vec::new();
    'log: loop {
        let rows = store.events_after(&id, folded.revision(), PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let folding = from_record(&row.payload).and_then(|event| folded.apply(&event));
            if let Err(error) = folding {
                violations.push(Violation {
                    guarantee: "E9",
                    message: format!(
                        "event {}/{} cannot be folded: {error}",
                        row.revision, row.index
                    ),
                });
                break 'log;
            }
            events += 1;
        }
    }
    let blockers = folded.blockers().count();
    // Past an event that cannot be folded, every comparison would only repeat the fault.
    if violations.is_empty() {
        violations.extend(check(&folded, Completeness::All));
        match store.load_all(&id).await? {
            Some(loaded) => {
                let stored = Organization::restore(loaded.parts);
                violations.extend(check(&stored, Completeness::All));
                violations.extend(compare(&folded, &stored));
            }
            None => violations.push(Violation {
                guarantee: "E9",
                message: "the tables have no such organization".to_owned(),
            }),
        }
    }
    Ok(Finding {
        organization: id,
        revision: folded.revision(),
        events,
        blockers,
        violations,
    })
}
