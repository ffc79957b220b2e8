//! Files that are no backups, and some that are nearly.

use std::{
    fs,
    path::{Path, PathBuf},
};

use echelon_domain::OrganizationId;
use echelon_fuzz::Target;
use echelon_store::Contents;
use tempfile::TempDir;

use super::{Backup, BackupError, Sealed, seal};

const BACKUPS: Target = Target {
    name: "backups",
    words: &[
        "SQLite format 3",
        "echelon backup 1",
        "\"bytes\":",
        "{",
        "}",
    ],
    most_bytes: 2_000,
};

/// Bytes of what is taken for a database.
const DATABASE: usize = 700;

/// A whole backup in a folder of its own.
fn whole() -> (TempDir, PathBuf, Sealed) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("backup");
    let mut database = b"SQLite format 3\0".to_vec();
    database.resize(DATABASE, 7);
    fs::write(&path, database).unwrap();
    let contents = Contents {
        schema: "m20261123_000001_first_release".to_owned(),
        organizations: vec![(OrganizationId::new("id", "acme").unwrap(), 42)],
    };
    let time = "2026-11-02T08:00:00Z".to_owned();
    let sealed = seal(&path, contents, time, |_| {}).unwrap();
    (folder, path, sealed)
}

/// Reads it as a restore does.
fn read(folder: &TempDir, path: &Path) -> Result<Vec<u8>, BackupError> {
    let to = folder.path().join("extracted");
    let extracted = Backup::open(path).and_then(|mut backup| backup.extract(&to, |_| {}));
    let bytes = fs::read(&to).unwrap_or_default();
    if to.exists() {
        fs::remove_file(&to).unwrap();
    }
    extracted.map(|()| bytes)
}

#[test]
fn a_backup_reads_back_and_says_what_it_holds() {
    let (folder, path, sealed) = whole();
    let backup = Backup::open(&path).unwrap();
    assert_eq!(*backup.manifest(), sealed.manifest);
    assert_eq!(sealed.manifest.bytes, DATABASE as u64);
    assert_eq!(sealed.manifest.organizations[0].revision, 42);
    let read = read(&folder, &path).unwrap();
    assert_eq!(read, fs::read(&path).unwrap()[..DATABASE]);
}

#[test]
fn no_bit_of_a_backup_can_change_and_no_byte_can_be_missing() {
    let (folder, path, _) = whole();
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(&path, &damaged).unwrap();
        assert!(read(&folder, &path).is_err(), "byte {place}");
        fs::write(&path, &whole[..place]).unwrap();
        assert!(read(&folder, &path).is_err(), "cut at {place}");
    }
}

#[test]
fn fuzz_what_is_read_as_a_backup_is_one() {
    let (folder, path, _) = whole();
    let whole = fs::read(&path).unwrap();
    BACKUPS.fuzz_with(vec![whole.clone()], |input| {
        fs::write(&path, input).unwrap();
        match read(&folder, &path) {
            Ok(_) => {
                assert_eq!(input, whole, "nobody finds a checksum by chance");
                String::new()
            }
            Err(BackupError::NoBackup { fault, .. }) => fault,
            Err(BackupError::Damaged { .. }) => "damaged".to_owned(),
            Err(BackupError::Io { cause, .. }) => panic!("{cause}"),
        }
    });
}
