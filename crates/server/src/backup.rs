//! Backups of SQLite: a file that holds a database as it was at one moment, what is in it, and a checksum of both.
//!
//! The database comes first, page by page, so that SQLite's own tools read it. After it come the manifest in JSON, the length of
//! the manifest (8 bytes, the highest first), the SHA-256 of everything before it, and 16 bytes that say what this is.

mod file;
mod proof;
mod sum;
#[cfg(test)]
mod tests;

pub use file::{Backup, BackupError, Kept, Manifest, Sealed, seal};
pub use proof::{Proof, prove};
