//! The place of an SQLite database in its folder: what lies there, and what is put there.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    error::StoreError,
    lock::{self, Lock},
};

/// What SQLite keeps of a database, by the ends of the names. The file comes first, so that it never lies there without its log:
/// it would be taken for the whole.
const ENDINGS: [&str; 4] = ["", "-wal", "-journal", "-shm"];
/// What may hold changes that the file lacks.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// The place of an SQLite database, at which no server starts while this is held.
#[derive(Debug)]
pub struct Place {
    file: PathBuf,
    _lock: Lock,
}

/// Whether a file is a database itself, or one that is kept beside it, whatever links lead to them: nothing else may be written there.
#[must_use]
pub fn is_of_database(database: &Path, file: &Path) -> bool {
    let (database, file) = (Lock::resolved(database), Lock::resolved(file));
    ENDINGS
        .into_iter()
        .chain([lock::ENDING])
        .any(|ending| with_ending(&database, ending) == file)
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

    /// Gives a file that is to be put there, and the lock, to the user whose database was there, or whose folder it is, and the
    /// file the mode of what was there: whoever restores may be root, and the server another. Errors: as the file system's.
    pub fn give(&self, file: &Path) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let model = match fs::metadata(&self.file) {
            Ok(there) => {
                fs::set_permissions(file, there.permissions())?;
                there
            }
            Err(_) => fs::metadata(folder)?,
        };
        if fs::metadata(file)?.uid() != 0 {
            // Only root gives files away.
            return Ok(());
        }
        for file in [file, &self.ending(lock::ENDING)] {
            chown(file, Some(model.uid()), Some(model.gid()))?;
        }
        Ok(())
    }

    /// Moves what lies there to names that are free, and tells the one of the file. A server that was killed has left a part of
    /// it in the log: it is folded into the file, if it can be, and goes along otherwise. The file itself stays until another one
    /// is put in its place, if that can be: there is a database there at any time. Errors: as the file system's.
    pub fn move_aside(&self) -> io::Result<PathBuf> {
        if let Err(error) = self.fold() {
            tracing::warn!(%error, "the log of the replaced database stays beside it");
        }
        let aside = self.free_name();
        let is_whole = !LOGS.iter().any(|log| self.ending(log).exists());
        for ending in ENDINGS {
            let (from, to) = (self.ending(ending), with_ending(&aside, ending));
            if !from.exists() || ending.is_empty() && is_whole && fs::hard_link(&from, &to).is_ok()
            {
                continue;
            }
            fs::rename(from, to)?;
        }
        Ok(aside)
    }

    /// Puts a whole file there, which is gone from where it was, and makes that durable. Errors: as the file system's; a part of
    /// it is still in its log.
    pub fn put(&self, file: &Path) -> io::Result<()> {
        if LOGS.iter().any(|log| with_ending(file, log).exists()) {
            return Err(io::Error::other(
                "its log could not be folded into it: check that the disk has room",
            ));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_database_is_known_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("echelon.db");
        File::create(&database).unwrap();
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let within = folder.path().join(".").join("echelon.db");
        for name in [&database, &link, &within] {
            assert!(is_of_database(&database, name), "{}", name.display());
            assert!(is_of_database(name, &database), "{}", name.display());
        }
        for ending in ["-wal", "-shm", "-journal", "-lock"] {
            let file = with_ending(&database, ending);
            assert!(is_of_database(&link, &file), "{}", file.display());
        }
        assert!(!is_of_database(
            &database,
            &folder.path().join("echelon.backup")
        ));
    }

    #[test]
    fn a_whole_database_stays_until_another_is_put_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let [database, other] = ["echelon.db", "other.db"].map(|name| folder.path().join(name));
        for (file, table) in [(&database, "a"), (&other, "b")] {
            let connection = Connection::open(file).unwrap();
            connection
                .execute_batch(&format!("CREATE TABLE {table} (x)"))
                .unwrap();
        }
        let place = Place::take(&database).unwrap();
        place.give(&other).unwrap();
        let aside = place.move_aside().unwrap();
        assert!(database.is_file() && aside.is_file());
        place.put(&other).unwrap();
        assert!(!other.exists());
        for (file, table) in [(&database, "b"), (&aside, "a")] {
            let connection = Connection::open(file).unwrap();
            connection
                .execute_batch(&format!("INSERT INTO {table} VALUES (1)"))
                .unwrap();
        }
        // What is still in a log would be lost.
        File::create(&other).unwrap();
        File::create(with_ending(&other, "-wal")).unwrap();
        place.put(&other).unwrap_err();
    }
}
