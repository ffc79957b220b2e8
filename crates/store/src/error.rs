//! What can go wrong with a database, by what a caller can do about it.

use std::path::PathBuf;

use echelon_domain::Error;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be used.
    #[error("the database URL cannot be used: {message}")]
    InvalidUrl {
        /// Why, and what to do.
        message: String,
    },
    /// The database does not answer, or the connection to it was lost.
    #[error("the database cannot be reached: {cause}; check its address and that it runs")]
    Unreachable {
        /// The cause.
        cause: String,
    },
    /// Another process serves the SQLite file.
    #[error(
        "`{}` is in use by another Echelon process{}: stop that one, or name another file, or use PostgreSQL for \
         several servers",
        file.display(),
        holder.as_ref().map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    Locked {
        /// The file.
        file: PathBuf,
        /// The process that holds it, if it could be read.
        holder: Option<String>,
    },
    /// A newer Echelon has changed the schema.
    #[error(
        "the database was written by a newer version of Echelon (migration `{migration}` is unknown here): run that \
         version, or restore a backup from before its upgrade"
    )]
    NewerSchema {
        /// The first unknown migration.
        migration: String,
    },
    /// The schema is older than this binary, or there is none.
    #[error(
        "the database lacks the migration `{migration}`: start the server without --no-migrate to apply it, or name \
         an existing database"
    )]
    OutdatedSchema {
        /// The first missing migration.
        migration: String,
    },
    /// A row holds what no version of Echelon writes.
    #[error(
        "{message}: restore the database from a backup, and report it if nobody edited the tables by hand"
    )]
    Corrupt {
        /// Where, and what.
        message: String,
    },
    /// The database has no time for it now.
    #[error("the database is busy: {cause}; retry")]
    Busy {
        /// The cause.
        cause: String,
    },
    /// There is no room for what is to be written. Nothing is, and work goes on by itself when there is room again.
    #[error("the database has no room: {cause}; make room on its disk and retry")]
    NoRoom {
        /// The cause.
        cause: String,
    },
    /// The changes were decided on another state than the one they were to be written on.
    #[error(
        "changes that follow revision {expected} cannot be written on revision {found}: load the organization anew \
         and retry"
    )]
    Stale {
        /// The revision the changes were decided on.
        expected: i64,
        /// The revision of the database.
        found: i64,
    },
    /// The database has refused what was to be written, and nothing of it is.
    #[error("the database refused to write: {cause}")]
    Rejected {
        /// The cause.
        cause: String,
    },
    /// Something else.
    #[error("the database failed: {cause}")]
    Other {
        /// The cause.
        cause: String,
    },
}

impl StoreError {
    /// Whether it is certain that nothing was written.
    #[must_use]
    pub const fn is_undone(&self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Rejected { .. })
    }

    pub(crate) fn unreachable(cause: impl std::fmt::Display) -> Self {
        Self::Unreachable {
            cause: cause.to_string(),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let cause = error.to_string();
        match &error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Busy {
                cause: "no connection became free in time".to_owned(),
            },
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
                Self::Unreachable { cause }
            }
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_driver(error),
            _ => Self::Other { cause },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let cause = error.to_string();
        match error.sqlite_error() {
            Some(error) => of_sqlite(&error.extended_code.to_string(), cause),
            None => Self::Other { cause },
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of_driver(&error)
    }
}

impl StoreError {
    fn of_driver(error: &sqlx::Error) -> Self {
        let cause = error.to_string();
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unreachable { cause },
            sqlx::Error::PoolTimedOut => Self::Busy { cause },
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let sqlite = database
                    .try_downcast_ref::<sqlx::sqlite::SqliteError>()
                    .is_some();
                if sqlite {
                    of_sqlite(&code, cause)
                } else {
                    of_postgres(&code, cause)
                }
            }
            _ => Self::Other { cause },
        }
    }
}

/// By SQLite's result code; the low byte is the primary one.
fn of_sqlite(code: &str, cause: String) -> StoreError {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const CANNOT_READ_OR_WRITE: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const TOO_BIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    const NOT_A_DATABASE: u32 = 26;
    match code.parse::<u32>().unwrap_or(0) & 0xff {
        BUSY | LOCKED => StoreError::Busy { cause },
        FULL => StoreError::NoRoom { cause },
        CANNOT_READ_OR_WRITE => StoreError::Unreachable { cause },
        TOO_BIG | CONSTRAINT | MISMATCH => StoreError::Rejected { cause },
        CORRUPT => StoreError::Corrupt { message: cause },
        NOT_A_DATABASE => StoreError::InvalidUrl {
            message: "the file is no SQLite database: name another one".to_owned(),
        },
        _ => StoreError::Other { cause },
    }
}

/// By SQLSTATE.
fn of_postgres(code: &str, cause: String) -> StoreError {
    match code {
        // Serialization failure, deadlock, lock timeout, statement timeout.
        "40001" | "40P01" | "55P03" | "57014" => StoreError::Busy { cause },
        // Shutdown, crash, start, and a transaction that idled too long.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => StoreError::Unreachable { cause },
        // A server that may not be written to, as after a failover: the next connection leads to another one.
        "25006" => StoreError::Unreachable { cause },
        // A table or column that is gone: a newer version has taken it away under a server that still runs.
        "42P01" | "42703" => StoreError::Unreachable {
            cause: format!("{cause}; the schema is of another version: upgrade this server"),
        },
        // A statement that was prepared on another connection, or by somebody else.
        "26000" | "42P05" => StoreError::Unreachable {
            cause: format!(
                "{cause}; behind a pooler in transaction mode set transaction_pooling = true"
            ),
        },
        // Connection exceptions, authorization, no such database.
        _ if code.starts_with("08") || code.starts_with("28") || code == "3D000" => {
            StoreError::Unreachable { cause }
        }
        "53100" => StoreError::NoRoom { cause },
        // Insufficient resources.
        _ if code.starts_with("53") => StoreError::Busy { cause },
        // Values and constraints.
        _ if code.starts_with("22") || code.starts_with("23") => StoreError::Rejected { cause },
        _ => StoreError::Other { cause },
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unreachable { .. } | StoreError::Busy { .. } | StoreError::Stale { .. } => {
                Self::Unavailable {
                    message: "the database does not answer in time: retry".to_owned(),
                }
            }
            StoreError::NewerSchema { .. } => Self::Unavailable {
                message: "the database is of a newer version than this server: ask another one, or upgrade it"
                    .to_owned(),
            },
            StoreError::NoRoom { .. } => Self::Unavailable {
                message: "the database has no room: retry when its disk has some".to_owned(),
            },
            StoreError::InvalidUrl { .. }
            | StoreError::Locked { .. }
            | StoreError::OutdatedSchema { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Rejected { .. }
            | StoreError::Other { .. } => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_retry_may_help_is_unavailable() {
        for code in [
            "40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "08006", "53300",
            "25006", "26000",
        ] {
            let error = Error::from(of_postgres(code, "cause".to_owned()));
            assert!(matches!(error, Error::Unavailable { .. }), "{code}");
        }
        for code in ["5", "6", "10", "13", "261", "517"] {
            let error = Error::from(of_sqlite(code, "cause".to_owned()));
            assert!(matches!(error, Error::Unavailable { .. }), "{code}");
        }
        for error in [
            of_sqlite("13", "database or disk is full".to_owned()),
            of_postgres("53100", "no space left on device".to_owned()),
        ] {
            assert!(matches!(error, StoreError::NoRoom { .. }));
            assert!(matches!(Error::from(error), Error::Unavailable { .. }));
        }
        for error in [
            of_postgres("23505", "twice".to_owned()),
            of_sqlite("2067", "twice".to_owned()),
            of_sqlite("11", "malformed".to_owned()),
        ] {
            assert!(matches!(Error::from(error), Error::Internal { .. }));
        }
    }
}
