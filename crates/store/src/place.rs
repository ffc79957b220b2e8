//! The place of an SQLite database in its folder: what lies there, and what is put there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use crate::{error::StoreError, lock::Lock};

/// What SQLite keeps of a database, by the ends of the names. The file comes first, so that it never lies there without its log:
/// it would be taken for the whole.
const ENDINGS: [&str; 4] = ["", "-wal", "-journal", "-shm"];

/// The place of an SQLite database, at which no server starts while this is held.
#[derive(Debug)]
pub struct Place {
    file: PathBuf,
    _lock: Lock,
}

impl Place {
    /// Takes a place. Errors: [`StoreError::Locked`] while a server uses it.
    pub fn take(file: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            _lock: Lock::take(file)?,
            file: Lock::resolved(file),
        })
    }

    /// Its file, whatever links lead to it.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether anything of a database lies there, be it a log without a file.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        ENDINGS.iter().any(|ending| self.ending(ending).exists())
    }

    /// Moves what lies there to names that are free, and tells the one of the file. A server that was killed has left a part of
    /// it in the log: it is folded into the file, if it can be, and goes along otherwise. Errors: as the file system's.
    pub fn move_aside(&self) -> io::Result<PathBuf> {
        if let Err(error) = self.fold() {
            tracing::warn!(%error, "the log of the replaced database stays beside it");
        }
        let aside = self.free_name();
        for ending in ENDINGS {
            let from = self.ending(ending);
            if from.exists() {
                fs::rename(from, with_ending(&aside, ending))?;
            }
        }
        Ok(aside)
    }

    /// Puts a whole file there, which is gone from where it was, and makes that durable. Errors: as the file system's.
    pub fn put(&self, file: &Path) -> io::Result<()> {
        File::open(file)?.sync_all()?;
        fs::rename(file, &self.file)?;
        if let Some(folder) = self.file.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn fold(&self) -> Result<(), rusqlite::Error> {
        if !self.file.is_file() {
            return Ok(());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    }

    fn free_name(&self) -> PathBuf {
        let taken = |name: &PathBuf| {
            ENDINGS
                .iter()
                .any(|ending| with_ending(name, ending).exists())
        };
        let mut name = self.ending(".replaced");
        let mut number = 1;
        while taken(&name) {
            number += 1;
            name = self.ending(&format!(".replaced-{number}"));
        }
        name
    }

    fn ending(&self, ending: &str) -> PathBuf {
        with_ending(&self.file, ending)
    }
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
