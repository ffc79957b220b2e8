//! The check of a database against the guarantees, offline: folds every event log from its beginning, or from the base of one that
//! was compacted, and compares the outcome with the tables (E9), and checks both for E1 and E2.

use echelon_domain::{
    Organization, OrganizationId,
    check::{Completeness, Violation, check, compare},
};
use echelon_store::{Store, StoreError};

use crate::log::Log;

/// What the check found in one organization.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The organization.
    pub organization: OrganizationId,
    /// The revision that its log begins after: 0 unless it was compacted.
    pub compacted: i64,
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
    loop {
        let finding = look(store, &id).await?;
        // A log that loses its beginning while it is read does not hold together: it is read again.
        let is_overtaken =
            !finding.violations.is_empty() && store.compacted(&id).await? != finding.compacted;
        if !is_overtaken {
            return Ok(finding);
        }
    }
}

async fn look(store: &Store, id: &OrganizationId) -> Result<Finding, StoreError> {
    let base = store.base(id).await?;
    let base = base.map_or_else(|| Organization::empty(id.clone()), Organization::restore);
    let compacted = base.revision();
    let mut log = Log::after(store, base);
    let mut violations = Vec::new();
    if let Err(violation) = log.fold_to(i64::MAX, |_, _| {}).await? {
        violations.push(violation);
    }
    let blockers = log.state().blockers().count();
    // Past an event that cannot be folded, every comparison would only repeat the fault.
    if violations.is_empty() {
        match store.load_all(id).await? {
            Some(loaded) => {
                let stored = Organization::restore(loaded.parts);
                violations.extend(differences(log.state(), &stored));
            }
            None => violations.push(Violation {
                guarantee: "E9",
                message: "the tables have no such organization".to_owned(),
            }),
        }
    }
    Ok(Finding {
        organization: id.clone(),
        compacted,
        revision: log.state().revision(),
        events: log.events(),
        blockers,
        violations,
    })
}

/// What does not hold in what the log gives, in what the tables hold, and between them.
pub(crate) fn differences(folded: &Organization, stored: &Organization) -> Vec<Violation> {
    let mut violations = check(folded, Completeness::All);
    violations.extend(check(stored, Completeness::All));
    violations.extend(compare(folded, stored));
    violations
}
