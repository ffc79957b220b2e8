//! Whether a backup is sound: proved on a database that is made of it elsewhere, as a restore makes it.

use std::path::Path;

use echelon_store::{Options, Store, StoreError};

use crate::check::{Finding, check_all};

/// What was found in a backup.
#[derive(Debug)]
pub struct Proof {
    /// In each organization.
    pub findings: Vec<Finding>,
    /// What SQLite finds wrong with the file.
    pub faults: Vec<String>,
}

impl Proof {
    /// Whether all is well.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
            && self
                .findings
                .iter()
                .all(|found| found.violations.is_empty())
    }
}

/// Opens the database that was extracted from a backup, brings its schema up to date, and checks all of it. The store is for
/// whoever goes on with it, and must be closed. Errors: [`StoreError::NewerSchema`], or the database cannot be read.
pub async fn prove(database: &Path, options: &Options) -> Result<(Store, Proof), StoreError> {
    let store = Store::open_existing(&options.with_file(database)).await?;
    let faults = store.faults_of_file().await?;
    store.migrate().await?;
    let findings = check_all(&store).await?;
    Ok((store, Proof { findings, faults }))
}
