//! The lock that lets one process at a time serve an SQLite file.

use std::{
    fs::{self, File, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use crate::error::StoreError;

/// How the name of a lock's file ends.
pub(crate) const ENDING: &str = "-lock";

/// An exclusive lock on `<file>-lock`. The system releases it when it is dropped, and when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks a database file. Errors: [`StoreError::Locked`], or why the lock file cannot be opened.
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(&Self::resolved(database));
        let failed = |error: std::io::Error| StoreError::InvalidUrl {
            message: format!(
                "cannot lock `{}`: {error}; check that the folder exists and may be written",
                path.display()
            ),
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let told = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                return Err(StoreError::Locked {
                    file: database.to_owned(),
                    holder: told.then(|| holder.trim().to_owned()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Who holds it, for the message above.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// The file that a path means, whatever links lead to it: two names of one file share a lock.
    pub(crate) fn resolved(database: &Path) -> PathBuf {
        if let Ok(path) = fs::canonicalize(database) {
            return path;
        }
        let folder = database.parent().filter(|parent| *parent != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok();
        match (folder, database.file_name()) {
            (Some(folder), Some(name)) => folder.join(name),
            _ => database.to_owned(),
        }
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ENDING);
    path.into()
}
