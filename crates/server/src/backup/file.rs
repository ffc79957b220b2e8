//! The format of a backup: written behind a copied database, and read again.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use echelon_store::Contents;
use serde::{Deserialize, Serialize};

use super::sum::{self, Sum, hexadecimal};

/// What the end of a backup says.
const MAGIC: &[u8; 16] = b"echelon backup 1";
/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// Bytes behind the manifest: its length, the checksum, what it is.
const FOOTER: u64 = (LENGTH + sum::LENGTH + MAGIC.len()) as u64;
/// Bytes of the length of the manifest.
const LENGTH: usize = 8;
/// Most bytes of a manifest: a hundred thousand organizations.
const MANIFEST_MAX: u64 = 1 << 24;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the binary that made it.
    pub version: String,
    /// When it was made, in RFC 3339.
    pub time: String,
    /// The newest migration of its schema.
    pub schema: String,
    /// Bytes of the database.
    pub bytes: u64,
    /// Its organizations, by id.
    pub organizations: Vec<Kept>,
}

/// An organization in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its id.
    pub organization: String,
    /// Revision of its newest event.
    pub revision: i64,
}

/// A backup that was written.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What it holds.
    pub manifest: Manifest,
    /// The SHA-256 that it ends with, in hexadecimal digits.
    pub sha256: String,
}

/// Why a file cannot be used as a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be read, or what is made of it cannot be written.
    #[error("cannot read `{}`, or write what is in it: {cause}; check the file, and that its disk has room", file.display())]
    Io {
        /// The backup.
        file: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// It is no backup, or its end is missing.
    #[error(
        "`{}` is no whole backup: {fault}; name a file that `echelond backup` has finished",
        file.display()
    )]
    NoBackup {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// It is not what was written.
    #[error(
        "`{}` is damaged: its checksum is {found} and not {expected}; use another backup",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The checksum that it ends with.
        expected: String,
        /// That of what is there.
        found: String,
    },
}

/// Makes a backup of a copied database: writes what it holds and a checksum behind it, and syncs it. `progress` is told how many
/// bytes are summed up. It blocks. Errors: as the file system's.
pub fn seal(
    file: &Path,
    contents: Contents,
    time: String,
    mut progress: impl FnMut(u64),
) -> io::Result<Sealed> {
    let Contents {
        schema,
        organizations,
    } = contents;
    let mut file = File::options().read(true).write(true).open(file)?;
    let bytes = file.metadata()?.len();
    let kept = organizations.into_iter().map(|(id, revision)| Kept {
        organization: id.to_string(),
        revision,
    });
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time,
        schema,
        bytes,
        organizations: kept.collect(),
    };
    let mut sum = Sum::default();
    sum.copy(&mut file, &mut io::sink(), bytes, &mut progress)?;
    let mut end = serde_json::to_vec(&manifest)?;
    let length = (end.len() as u64).to_be_bytes();
    end.extend(length);
    sum.add(&end);
    let sum = sum.value();
    end.extend(sum);
    end.extend(MAGIC);
    file.write_all(&end)?;
    file.sync_all()?;
    Ok(Sealed {
        manifest,
        sha256: hexadecimal(&sum),
    })
}

/// A backup that is there to be read. Nothing of it is proved yet.
#[derive(Debug)]
pub struct Backup {
    path: PathBuf,
    file: File,
    manifest: Manifest,
    /// The bytes of the manifest and its length.
    end: Vec<u8>,
    expected: Vec<u8>,
}

impl Backup {
    /// Opens one and reads what it says that it holds. Errors: [`BackupError::NoBackup`], [`BackupError::Io`].
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let failed = |cause| BackupError::Io {
            file: path.to_owned(),
            cause,
        };
        let none = |fault: &str| BackupError::NoBackup {
            file: path.to_owned(),
            fault: fault.to_owned(),
        };
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut begin = [0; SQLITE.len()];
        if size < FOOTER + begin.len() as u64 {
            return Err(none("it is too short"));
        }
        file.read_exact(&mut begin).map_err(failed)?;
        if begin != SQLITE {
            return Err(none("it does not begin with an SQLite database"));
        }
        let mut footer = [0; FOOTER as usize];
        file.seek(SeekFrom::Start(size - FOOTER)).map_err(failed)?;
        file.read_exact(&mut footer).map_err(failed)?;
        let (length, rest) = footer.split_at(LENGTH);
        let (expected, magic) = rest.split_at(sum::LENGTH);
        if magic != MAGIC {
            return Err(none("its end is missing"));
        }
        let claimed = length
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte));
        let most = (size - FOOTER).min(MANIFEST_MAX);
        if claimed > most {
            return Err(none("it does not say what it holds"));
        }
        let begin = size - FOOTER - claimed;
        let mut end = vec![0; usize::try_from(claimed).unwrap_or(0)];
        file.seek(SeekFrom::Start(begin)).map_err(failed)?;
        file.read_exact(&mut end).map_err(failed)?;
        let manifest: Manifest = serde_json::from_slice(&end).map_err(|error| {
            none(&format!(
                "what it says that it holds cannot be read: {error}"
            ))
        })?;
        if manifest.bytes != begin {
            return Err(none("its database is not as long as it says"));
        }
        end.extend(length);
        Ok(Self {
            path: path.to_owned(),
            file,
            manifest,
            end,
            expected: expected.to_vec(),
        })
    }

    /// What it says that it holds.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes its database to a file that is not there yet, and proves the checksum of the whole. `progress` is told how many
    /// bytes are written. It blocks. Errors: [`BackupError::Damaged`], [`BackupError::Io`]; the file is then of no use.
    pub fn extract(&mut self, to: &Path, mut progress: impl FnMut(u64)) -> Result<(), BackupError> {
        let mut sum = Sum::default();
        let bytes = self.manifest.bytes;
        // Nobody else may read what is in a database.
        let out = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to);
        let extracted = out.and_then(|mut out| {
            self.file.seek(SeekFrom::Start(0))?;
            sum.copy(&mut self.file, &mut out, bytes, &mut progress)
        });
        extracted.map_err(|cause| BackupError::Io {
            file: self.path.clone(),
            cause,
        })?;
        sum.add(&self.end);
        let found = sum.value();
        if found[..] == self.expected {
            return Ok(());
        }
        Err(BackupError::Damaged {
            file: self.path.clone(),
            expected: hexadecimal(&self.expected),
            found: hexadecimal(&found),
        })
    }
}
