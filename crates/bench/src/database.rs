//! The databases of a run: each its own, gone at the end.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    str::FromStr as _,
    thread,
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use sea_orm::sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};

use crate::process::parent_of;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Kind {
    /// The name, as on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Where the databases of a run are made.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// On a server, by the URL of its maintenance database.
    Server(String),
}

/// An empty database. Dropping it removes it.
#[derive(Debug)]
pub struct Database {
    url: String,
    removal: Removal,
}

/// How a database is removed.
#[derive(Debug)]
enum Removal {
    File(PathBuf),
    Server { maintenance: String, name: String },
}

/// What SQLite and `echelond` keep beside a file.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-lock"];

impl Database {
    /// Makes one.
    ///
    /// # Errors
    /// If there is no room for it.
    pub async fn create(place: &Place, name: &str) -> Result<Self> {
        match place {
            Place::Folder(folder) => {
                let path = folder.join(format!("{name}.db"));
                Ok(Self {
                    url: format!("sqlite://{}", path.display()),
                    removal: Removal::File(path),
                })
            }
            Place::Server(maintenance) => {
                let name = format!("echelon_bench_{}_{name}", std::process::id());
                execute(
                    maintenance,
                    &[
                        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                        format!("CREATE DATABASE {name}"),
                    ],
                )
                .await
                .context("cannot make a database")?;
                let (server, _) = maintenance
                    .rsplit_once('/')
                    .context("the URL of PostgreSQL names no database")?;
                Ok(Self {
                    url: format!("{server}/{name}"),
                    removal: Removal::Server {
                        maintenance: maintenance.clone(),
                        name,
                    },
                })
            }
        }
    }

    /// Its address, as `echelond` takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let removed = match &self.removal {
            Removal::File(path) => remove_file(path),
            Removal::Server { maintenance, name } => remove_from_server(maintenance, name),
        };
        if let Err(error) = removed {
            eprintln!("a database of the benchmark stays behind: {error:#}");
        }
    }
}

fn remove_file(path: &Path) -> Result<()> {
    for ending in ENDINGS {
        let path = format!("{}{ending}", path.display());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {path}"));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn remove_from_server(maintenance: &str, name: &str) -> Result<()> {
    let statements = [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")];
    // The present runtime cannot be waited on here.
    thread::scope(|scope| {
        let dropping = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(execute(maintenance, &statements))
        });
        dropping
            .join()
            .unwrap_or_else(|_| bail!("dropping {name} panicked"))
    })
}

/// The process that all of a PostgreSQL server's are children of; none if it runs elsewhere.
///
/// # Errors
/// If the server does not answer.
pub async fn postmaster(maintenance: &str) -> Result<Option<i32>> {
    let mut connection = connect(maintenance).await?;
    let row = connection.fetch_one("SELECT pg_backend_pid()").await?;
    let backend: i32 = row.try_get(0)?;
    let parent = parent_of(backend);
    connection.close().await?;
    Ok(parent)
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options = PgConnectOptions::from_str(url).context("the URL of PostgreSQL is malformed")?;
    PgConnection::connect_with(&options)
        .await
        .context("PostgreSQL does not answer")
}

async fn execute(url: &str, statements: &[String]) -> Result<()> {
    let mut connection = connect(url).await?;
    for statement in statements {
        connection
            .execute(AssertSqlSafe(statement.clone()))
            .await
            .with_context(|| format!("`{statement}` fails"))?;
    }
    connection.close().await?;
    Ok(())
}
