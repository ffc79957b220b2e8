//! What a roll-up costs without counters: the best SQL over what the server's tables hold, through the same driver.
//!
//! The open blockers are in a side table of their own, and the tree in another with its paths, built once: the recursive form finds the nodes below by their parents, the
//! other by the start of their paths. Only the node's own figures are computed, not those of its children.

use std::{
    path::Path,
    str::FromStr as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use sea_orm::sqlx::{
    self, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};

use crate::{
    database::Kind,
    dataset::{Dataset, Place, Tier},
    load::Latencies,
};

macro_rules! figures {
    ($from:literal) => {
        concat!(
            "SELECT blocker.severity, blocker.state, held.level, CAST(COUNT(*) AS BIGINT), ",
            "CAST(SUM(CASE WHEN blocker.owner IS NULL THEN 1 ELSE 0 END) AS BIGINT), ",
            "CAST(SUM(CASE WHEN blocker.escalation = 'EXHAUSTED' THEN 1 ELSE 0 END) AS BIGINT), ",
            "CAST(SUM(CASE WHEN blocker.due_us < $4 OR blocker.committed_us < $4 THEN 1 ELSE 0 END) AS BIGINT), ",
            "MIN(blocker.raised_us) ",
            $from,
            " GROUP BY blocker.severity, blocker.state, held.level"
        )
    };
}

const RECURSIVE: &str = concat!(
    "WITH RECURSIVE below(node) AS (SELECT $2 UNION ALL ",
    "SELECT place.node FROM below JOIN place ON place.parent = below.node) ",
    figures!(
        "FROM below JOIN open_blocker AS blocker ON blocker.organization = $1 AND blocker.origin = below.node \
         JOIN place AS held ON held.node = blocker.holder WHERE $3 <> ''"
    )
);
const BY_PATH: &str = figures!(
    "FROM place JOIN open_blocker AS blocker ON blocker.organization = $1 AND blocker.origin = place.node \
     JOIN place AS held ON held.node = blocker.holder WHERE place.path >= $2 AND place.path < $3"
);
/// SQLite does not find by itself that the open blockers are few and the teams many.
const BY_PATH_SQLITE: &str = figures!(
    "FROM open_blocker AS blocker CROSS JOIN place ON place.node = blocker.origin \
     CROSS JOIN place AS held ON held.node = blocker.holder \
     WHERE blocker.organization = $1 AND place.path >= $2 AND place.path < $3"
);
const SIDE_TABLES: [&str; 5] = [
    "CREATE TEMPORARY TABLE open_blocker AS SELECT organization, origin, holder, severity, state, owner, escalation, \
     due_us, committed_us, raised_us FROM blocker WHERE open = 1",
    "CREATE INDEX open_blocker_origin ON open_blocker (organization, origin)",
    "CREATE TEMPORARY TABLE place (node TEXT PRIMARY KEY, parent TEXT, level TEXT NOT NULL, path TEXT NOT NULL)",
    "CREATE INDEX place_parent ON place (parent)",
    "CREATE INDEX place_path ON place (path)",
];

enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// How the nodes below are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Recursive,
    ByPath,
}

/// A connection beside the server's.
pub struct Recompute {
    connection: Connection,
    organization: &'static str,
    paths: [String; 2],
    now_us: i64,
    form: Form,
}

impl Recompute {
    /// Builds the side tables and finds the faster form for the root.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn open(kind: Kind, url: &str, dataset: &Dataset) -> Result<Self> {
        let connection = match kind {
            Kind::Sqlite => {
                let path = url.trim_start_matches("sqlite://");
                // Memory for the whole file, as a server that computes roll-ups would be given.
                let options = SqliteConnectOptions::new()
                    .filename(Path::new(path))
                    .pragma("cache_size", "-262144")
                    .pragma("mmap_size", "2147483648");
                Connection::Sqlite(Box::new(SqliteConnection::connect_with(&options).await?))
            }
            Kind::Postgres => {
                let options = PgConnectOptions::from_str(url)?;
                Connection::Postgres(Box::new(PgConnection::connect_with(&options).await?))
            }
        };
        let root = format!("{}/", Place::root().name());
        let mut recompute = Self {
            connection,
            organization: dataset.organization(),
            paths: [root.clone(), root.replace('/', "0")],
            now_us: dataset.now.as_micros(),
            form: Form::Recursive,
        };
        recompute.build(dataset).await?;
        let mut best: Option<(Duration, Form)> = None;
        for form in [Form::Recursive, Form::ByPath] {
            recompute.form = form;
            // The first time warms the caches.
            recompute.root().await?;
            let started = Instant::now();
            recompute.root().await?;
            let took = started.elapsed();
            if best.is_none_or(|(least, _)| took < least) {
                best = Some((took, form));
            }
        }
        recompute.form = best.context("there are two forms")?.1;
        Ok(recompute)
    }

    /// The form that serves.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self.form {
            Form::Recursive => "recursive",
            Form::ByPath => "by path",
        }
    }

    /// Computes the root's figures so many times, one after the other.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn times(&mut self, times: usize) -> Result<Latencies> {
        let mut latencies = Latencies::default();
        for _ in 0..times {
            let started = Instant::now();
            self.root().await?;
            latencies.push(started.elapsed());
        }
        latencies.sort();
        Ok(latencies)
    }

    /// Computes the root's figures and returns how many blockers are open.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn root(&mut self) -> Result<i64> {
        let [from, to] = &self.paths;
        let root = Place::root().name();
        let first = match self.form {
            Form::Recursive => &root,
            Form::ByPath => from,
        };
        let mut open = 0;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let sql = match self.form {
                    Form::Recursive => RECURSIVE,
                    Form::ByPath => BY_PATH_SQLITE,
                };
                let rows = sqlx::query(sql)
                    .bind(self.organization)
                    .bind(first)
                    .bind(to)
                    .bind(self.now_us)
                    .fetch_all(&mut **connection)
                    .await?;
                for row in rows {
                    open += row.try_get::<i64, _>(3)?;
                }
            }
            Connection::Postgres(connection) => {
                let sql = match self.form {
                    Form::Recursive => RECURSIVE,
                    Form::ByPath => BY_PATH,
                };
                let rows = sqlx::query(sql)
                    .bind(self.organization)
                    .bind(first)
                    .bind(to)
                    .bind(self.now_us)
                    .fetch_all(&mut **connection)
                    .await?;
                for row in rows {
                    open += row.try_get::<i64, _>(3)?;
                }
            }
        }
        ensure!(open > 0, "recompute finds no open blocker");
        Ok(open)
    }

    async fn build(&mut self, dataset: &Dataset) -> Result<()> {
        for statement in SIDE_TABLES {
            match &mut self.connection {
                Connection::Sqlite(connection) => connection.execute(statement).await.map(drop)?,
                Connection::Postgres(connection) => {
                    connection.execute(statement).await.map(drop)?;
                }
            }
        }
        const INSERT: &str = "INSERT INTO place VALUES ($1, $2, $3, $4)";
        for tier in Tier::ALL {
            for place in dataset.tree.places(tier) {
                let mut path: Vec<String> = dataset.tree.path_up(place).map(Place::name).collect();
                path.reverse();
                let path = format!("{}/", path.join("/"));
                let parent = dataset.tree.parent(place).map(Place::name);
                match &mut self.connection {
                    Connection::Sqlite(connection) => {
                        sqlx::query(INSERT)
                            .bind(place.name())
                            .bind(parent)
                            .bind(tier.label())
                            .bind(path)
                            .execute(&mut **connection)
                            .await
                            .map(drop)?;
                    }
                    Connection::Postgres(connection) => {
                        sqlx::query(INSERT)
                            .bind(place.name())
                            .bind(parent)
                            .bind(tier.label())
                            .bind(path)
                            .execute(&mut **connection)
                            .await
                            .map(drop)?;
                    }
                }
            }
        }
        if let Connection::Postgres(connection) = &mut self.connection {
            connection.execute("ANALYZE place").await?;
            connection.execute("ANALYZE open_blocker").await?;
            // A plan for any path would look at every open blocker, whatever the path.
            connection
                .execute("SET plan_cache_mode = force_custom_plan")
                .await?;
        }
        Ok(())
    }
}
