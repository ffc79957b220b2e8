//! A database for each test, cloned from a migrated template and gone at the end.

use std::{
    env, fs,
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use echelon_store::{DatabaseKind, Options, Pooling, Store};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The variable that names the maintenance database of a PostgreSQL for tests.
const VARIABLE: &str = "ECHELON_TEST_POSTGRES";
/// How the names of databases for tests begin; the id of the process follows.
const PREFIX: &str = "echelon_test_";

/// A migrated database that belongs to one test. Dropping it removes it.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite {
        _folder: TempDir,
    },
    Postgres {
        maintenance: String,
        name: String,
    },
    /// It goes with the server that it is on.
    Elsewhere,
}

impl TestDatabase {
    /// A fresh SQLite file. Panics if there is no room for one.
    pub async fn sqlite() -> Self {
        Self::new_sqlite()
            .await
            .expect("a test needs an SQLite file")
    }

    /// A fresh PostgreSQL database. Panics if `ECHELON_TEST_POSTGRES` names no server: tests fail, they never skip.
    pub async fn postgres() -> Self {
        let maintenance = env::var(VARIABLE).unwrap_or_else(|_| {
            panic!(
                "{VARIABLE} is not set: run the tests with `cargo xtask test`, or start a PostgreSQL with \
                 `cargo xtask pg` and export the line it prints"
            )
        });
        Self::new_postgres(maintenance)
            .await
            .unwrap_or_else(|error| panic!("a test needs a database on {VARIABLE}: {error:?}"))
    }

    /// The database at an address, empty at first: on a PostgreSQL of the test's own, or on the way to another one. It
    /// stays when this is dropped.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            place: Place::Elsewhere,
        }
    }

    /// Its address, as the server takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Which database it is.
    #[must_use]
    pub const fn kind(&self) -> DatabaseKind {
        match self.place {
            Place::Sqlite { .. } => DatabaseKind::Sqlite,
            Place::Postgres { .. } | Place::Elsewhere => DatabaseKind::Postgres,
        }
    }

    /// How to open it.
    #[must_use]
    pub fn options(&self) -> Options {
        options(&self.url)
    }

    /// A store on it. Panics if it cannot be opened, as a second one on an SQLite file.
    pub async fn open_store(&self) -> Store {
        Store::open(&self.options())
            .await
            .expect("a test's own database opens")
    }

    /// Runs a statement beside the store, for damage that the store itself does not do. Panics if it fails.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url, sql)
            .await
            .unwrap_or_else(|error| panic!("`{sql}` fails: {error:?}"));
    }

    /// How many rows a table has, counted beside the store. Panics if that fails.
    pub async fn rows(&self, table: &str) -> i64 {
        count(&self.url, table)
            .await
            .unwrap_or_else(|error| panic!("the rows of `{table}` cannot be counted: {error:?}"))
    }

    async fn new_sqlite() -> Result<Self> {
        static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let template = TEMPLATE.get_or_try_init(sqlite_template).await?;
        let folder = TempDir::with_prefix("echelon-test-")?;
        let path = folder.path().join("echelon.db");
        fs::write(&path, template)?;
        Ok(Self {
            url: sqlite_url(&path),
            place: Place::Sqlite { _folder: folder },
        })
    }

    async fn new_postgres(maintenance: String) -> Result<Self> {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let template = TEMPLATE
            .get_or_try_init(|| postgres_template(&maintenance))
            .await?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{number}", process::id());
        execute(
            &maintenance,
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await?;
        Ok(Self {
            url: postgres_url(&maintenance, &name)?,
            place: Place::Postgres { maintenance, name },
        })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Place::Postgres { maintenance, name } = &self.place else {
            return;
        };
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // The test's own runtime cannot be waited on here.
        let dropped = thread::scope(|scope| {
            let dropping = scope.spawn(|| -> Result<()> {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(execute(maintenance, &drop))
            });
            dropping.join()
        });
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {name} could not be dropped and stays behind");
        }
    }
}

fn options(url: &str) -> Options {
    Options {
        url: url.to_owned(),
        max_connections: 4,
        connect_timeout: Duration::from_secs(10),
        pooling: Pooling::Session,
    }
}

/// The bytes of a migrated file.
async fn sqlite_template() -> Result<Vec<u8>> {
    let folder = TempDir::with_prefix("echelon-template-")?;
    let path = folder.path().join("template.db");
    migrate(&sqlite_url(&path)).await?;
    Ok(fs::read(&path)?)
}

fn sqlite_url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// The name of a migrated database. Removes what processes that died have left.
async fn postgres_template(maintenance: &str) -> Result<String> {
    let connection = connect(maintenance).await?;
    remove_leftovers(&connection).await?;
    let name = format!("{PREFIX}{}_template", process::id());
    for sql in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        connection.execute_unprepared(&sql).await?;
    }
    connection.close().await?;
    migrate(&postgres_url(maintenance, &name)?).await?;
    Ok(name)
}

async fn migrate(url: &str) -> Result<()> {
    let store = Store::open(&options(url)).await?;
    store.migrate().await?;
    store.close().await?;
    Ok(())
}

/// Best effort: a server elsewhere may serve processes of other machines, whose databases are in use or are kept.
async fn remove_leftovers(connection: &DatabaseConnection) -> Result<()> {
    let processes = Path::new("/proc");
    if !processes.is_dir() {
        return Ok(());
    }
    let like = format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, like);
    for row in connection.query_all_raw(statement).await? {
        let name: String = row.try_get("", "datname")?;
        let id = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('_').next());
        if id.is_some_and(|id| !processes.join(id).exists())
            && let Err(error) = connection
                .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}"))
                .await
        {
            eprintln!("the database {name} is left over and stays: {error}");
        }
    }
    Ok(())
}

/// The URL of another database on the same server.
fn postgres_url(maintenance: &str, name: &str) -> Result<String> {
    let (address, query) = maintenance
        .split_once('?')
        .map_or((maintenance, None), |(address, query)| {
            (address, Some(query))
        });
    let (scheme, rest) = address
        .split_once("://")
        .with_context(|| format!("{VARIABLE} is no URL: use postgres://<user>@<host>/postgres"))?;
    let server = rest.split('/').next().unwrap_or(rest);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Ok(format!("{scheme}://{server}/{name}{query}"))
}

async fn connect(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

async fn count(url: &str, table: &str) -> Result<i64> {
    let connection = connect(url).await?;
    let statement = sea_orm::Statement::from_string(
        connection.get_database_backend(),
        format!("SELECT COUNT(*) AS rows FROM {table}"),
    );
    let row = connection.query_one_raw(statement).await;
    connection.close().await?;
    let row = row?.context("a count is a row")?;
    Ok(row.try_get("", "rows")?)
}

async fn execute(url: &str, sql: &str) -> Result<()> {
    let connection = connect(url).await?;
    let done = connection.execute_unprepared(sql).await;
    connection.close().await?;
    done?;
    Ok(())
}
