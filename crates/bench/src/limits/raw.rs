//! What a raise needs at least: insert the blocker and its event and add to five ancestors' counters, in the leanest SQL
//! through the same driver, one durable transaction each.

use std::{
    path::Path,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use sea_orm::sqlx::{
    self, AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::task::JoinSet;

use crate::{
    database::{Database, Place},
    dataset::{Place as Node, Tier, Tree},
    load::Outcome,
};

const SCHEMA: [&str; 3] = [
    "CREATE TABLE raw_blocker (number BIGINT PRIMARY KEY, team BIGINT NOT NULL, title TEXT NOT NULL, \
     description TEXT NOT NULL, severity BIGINT NOT NULL, state TEXT NOT NULL, raised_us BIGINT NOT NULL)",
    "CREATE TABLE raw_event (number BIGINT PRIMARY KEY, blocker BIGINT NOT NULL, payload TEXT NOT NULL)",
    "CREATE TABLE raw_counter (node BIGINT PRIMARY KEY, open BIGINT NOT NULL)",
];
/// One statement, one round trip, one commit. The counters are met in the order of their ids, the root first, so that
/// no two transactions wait for each other: with only this index allowed the planner has no other way.
const POSTGRES: &str = "WITH blocker AS (INSERT INTO raw_blocker VALUES ($1, $2, $3, $4, 2, 'RAISED', $1)), \
     event AS (INSERT INTO raw_event VALUES ($1, $1, $5)) \
     UPDATE raw_counter SET open = open + 1 WHERE node = ANY($6)";
const POSTGRES_SESSION: &str =
    "SET synchronous_commit = on; SET enable_seqscan = off; SET enable_bitmapscan = off";
/// All of a transaction in one trip to the thread that owns the file.
const SQLITE: &str = "BEGIN IMMEDIATE; \
     INSERT INTO raw_blocker VALUES (?, ?, ?, ?, 2, 'RAISED', 0); \
     INSERT INTO raw_event VALUES (?, ?, ?); \
     UPDATE raw_counter SET open = open + 1 WHERE node IN (?, ?, ?, ?, ?); \
     COMMIT";
const TITLE: &str = "Identity provider rejects our requests (1234)";
const DESCRIPTION: &str =
    "Two stories wait and the sprint goal is at risk. Who can grant access? See the ticket for it.";
/// As large as a raise's event is in the log.
const PAYLOAD_BYTES: usize = 500;

/// The tables, filled with the counters of a tree.
pub struct Raw {
    database: Database,
    tree: Tree,
    next: Arc<AtomicI64>,
    payload: String,
}

impl Raw {
    /// Makes them in a database of their own.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn create(place: &Place, name: &str, tree: Tree) -> Result<Self> {
        let raw = Self {
            database: Database::create(place, name).await?,
            tree,
            next: Arc::new(AtomicI64::new(1)),
            payload: "x".repeat(PAYLOAD_BYTES),
        };
        let nodes: usize = Tier::ALL.iter().map(|tier| tree.count(*tier)).sum();
        let counters = format!(
            "WITH RECURSIVE number(node) AS (SELECT 0 UNION ALL SELECT node + 1 FROM number WHERE node < {}) \
             INSERT INTO raw_counter SELECT node, 0 FROM number",
            nodes - 1
        );
        match place {
            Place::Folder(_) => {
                let mut connection = raw.sqlite().await?;
                for statement in SCHEMA {
                    connection.execute(statement).await?;
                }
                connection.execute(AssertSqlSafe(counters)).await?;
                connection.close().await?;
            }
            Place::Server(_) => {
                let mut connection = raw.postgres().await?;
                for statement in SCHEMA {
                    connection.execute(statement).await?;
                }
                connection.execute(AssertSqlSafe(counters)).await?;
                connection.execute("ANALYZE").await?;
                connection.close().await?;
            }
        }
        Ok(raw)
    }

    /// Raises for a while: on PostgreSQL on so many connections at once, on SQLite on its one writer.
    ///
    /// # Errors
    /// If a transaction fails.
    pub async fn run(
        self: &Arc<Self>,
        place: &Place,
        connections: usize,
        warm_up: Duration,
        window: Duration,
    ) -> Result<Outcome> {
        let raw = self.clone();
        let is_file = matches!(place, Place::Folder(_));
        // A runtime like the server's own.
        let working = tokio::task::spawn_blocking(move || {
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("cannot make a runtime")?
                .block_on(raw.drive(is_file, connections, warm_up, window))
        });
        working.await.context("raw raises panicked")?
    }

    async fn drive(
        self: Arc<Self>,
        is_file: bool,
        connections: usize,
        warm_up: Duration,
        window: Duration,
    ) -> Result<Outcome> {
        let mut writers = JoinSet::new();
        if is_file {
            let mut connection = self.sqlite().await?;
            let times = Times::from_now(warm_up, window);
            let raw = self.clone();
            writers.spawn(async move {
                let mut outcome = Outcome::default();
                while let Some(started) = times.next() {
                    raw.raise_sqlite(&mut connection).await?;
                    times.count(started, &mut outcome);
                }
                connection.close().await?;
                Result::<_>::Ok(outcome)
            });
        } else {
            let mut open = Vec::with_capacity(connections);
            for _ in 0..connections {
                open.push(self.postgres().await?);
            }
            let times = Times::from_now(warm_up, window);
            for mut connection in open {
                let raw = self.clone();
                writers.spawn(async move {
                    let mut outcome = Outcome::default();
                    while let Some(started) = times.next() {
                        raw.raise_postgres(&mut connection).await?;
                        times.count(started, &mut outcome);
                    }
                    connection.close().await?;
                    Ok(outcome)
                });
            }
        }
        let mut all = Outcome::default();
        while let Some(done) = writers.join_next().await {
            let outcome = done.context("a writer panicked")??;
            all.latencies.append(outcome.latencies);
            all.answered += outcome.answered;
            all.elapsed = all.elapsed.max(outcome.elapsed);
        }
        all.latencies.sort();
        Ok(all)
    }

    async fn raise_postgres(&self, connection: &mut PgConnection) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (team, path) = self.path(number);
        sqlx::query(POSTGRES)
            .bind(number)
            .bind(team)
            .bind(TITLE)
            .bind(DESCRIPTION)
            .bind(&self.payload)
            .bind(&path[..])
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn raise_sqlite(&self, connection: &mut SqliteConnection) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (team, path) = self.path(number);
        let mut query = sqlx::query(SQLITE)
            .bind(number)
            .bind(team)
            .bind(TITLE)
            .bind(DESCRIPTION)
            .bind(number)
            .bind(number)
            .bind(&self.payload);
        for node in path {
            query = query.bind(node);
        }
        query.execute(connection).await?;
        Ok(())
    }

    /// The next team, and the counters of it and all above it, the root first.
    fn path(&self, number: i64) -> (i64, [i64; 5]) {
        let team = usize::try_from(number).unwrap_or(0) * 7_919 % self.tree.teams;
        let mut path = [0; 5];
        let mut before: usize = 0;
        let up: Vec<Node> = self.tree.path_up(Node::team(team)).collect();
        for (slot, place) in path.iter_mut().zip(up.iter().rev()) {
            *slot = i64::try_from(before + place.index).unwrap_or(0);
            before += self.tree.count(place.tier);
        }
        (path[4], path)
    }

    async fn sqlite(&self) -> Result<SqliteConnection> {
        let path = self.database.url().trim_start_matches("sqlite://");
        let options = SqliteConnectOptions::new()
            .filename(Path::new(path))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        Ok(SqliteConnection::connect_with(&options).await?)
    }

    async fn postgres(&self) -> Result<PgConnection> {
        let options = PgConnectOptions::from_str(self.database.url())?;
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute(sqlx::raw_sql(POSTGRES_SESSION)).await?;
        Ok(connection)
    }
}

/// When transactions count.
#[derive(Clone, Copy)]
struct Times {
    begins: Instant,
    ends: Instant,
}

impl Times {
    fn from_now(warm_up: Duration, window: Duration) -> Self {
        let begins = Instant::now() + warm_up;
        Self {
            begins,
            ends: begins + window,
        }
    }

    /// Now, unless it is over.
    fn next(self) -> Option<Instant> {
        let now = Instant::now();
        (now < self.ends).then_some(now)
    }

    fn count(self, started: Instant, outcome: &mut Outcome) {
        outcome.answered += 1;
        let ended = Instant::now();
        if ended >= self.begins {
            outcome.latencies.push(ended - started);
            outcome.elapsed = ended - self.begins;
        }
    }
}
