//! The base of a compacted log: the state of an organization at the revision that the rest of its log follows, as the rows that
//! the tables had then, and the history of what was live in it.

use std::{collections::BTreeSet, sync::Arc};

use echelon_domain::{Organization, OrganizationId, Timestamp, check, organization::Parts};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    blocker,
    changes::HeadChange,
    counter, entity,
    error::StoreError,
    meeting, node,
    organization::{self, profile},
    policy,
    row::{Row, to_json},
};

/// Rows in one text: few statements, and texts that PostgreSQL compresses.
const CHUNK: usize = 200;

/// Names of the kinds of rows.
const HEAD: &str = "head";
const NODE: &str = "node";
const POLICY: &str = "policy";
const VERSION: &str = "version";
const COUNTERS: &str = "counters";
const BLOCKER: &str = "blocker";
const MEETING: &str = "meeting";

const REVISION: &str = "SELECT revision FROM log_base WHERE organization = $1";
const ROWS: &str =
    "SELECT kind, content FROM log_base_rows WHERE organization = $1 ORDER BY position";
const CREATE: &str = "INSERT INTO log_base (organization, revision) VALUES ($1, $2)";
/// Only where it was: whoever else compacts the log has the row locked until then.
const MOVE: &str = "UPDATE log_base SET revision = $2 WHERE organization = $1 AND revision = $3";
const FORGET_ROWS: &str = "DELETE FROM log_base_rows WHERE organization = $1";
const INSERT_ROWS: &str =
    "INSERT INTO log_base_rows (organization, position, kind, content) VALUES ($1, $2, $3, $4)";
const FORGET_EVENTS: &str = "DELETE FROM event WHERE organization = $1 AND revision <= $2";

/// The history of what was live then, or is now, stays whole, that of what is closed goes with the events.
const KEEP_POSTGRES: &str = "INSERT INTO blocker_history \
     (organization, blocker, revision, position, at_us, kind, payload) \
     SELECT organization, blocker, revision, position, at_us, kind, payload FROM event \
     WHERE organization = $1 AND revision <= $2 AND blocker IN \
     (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST($3 AS json)))";
const KEEP_SQLITE: &str = "INSERT INTO blocker_history \
     (organization, blocker, revision, position, at_us, kind, payload) \
     SELECT organization, blocker, revision, position, at_us, kind, payload FROM event \
     WHERE organization = $1 AND revision <= $2 AND blocker IN (SELECT value FROM json_each($3))";
const LET_GO_POSTGRES: &str = "DELETE FROM blocker_history WHERE organization = $1 AND blocker NOT IN \
     (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST($2 AS json)))";
const LET_GO_SQLITE: &str = "DELETE FROM blocker_history WHERE organization = $1 AND blocker NOT IN \
     (SELECT value FROM json_each($2))";

/// The revision up to which a log is compacted; 0 if it is whole.
pub(crate) async fn revision(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<i64, StoreError> {
    let ask = statement(connection, REVISION, [id.as_str().into()]);
    match connection.query_one_raw(ask).await? {
        Some(row) => Ok(row.try_get("", "revision")?),
        None => Ok(0),
    }
}

/// The state that the log of an organization follows; none if it is whole.
pub(crate) async fn load(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Parts>, StoreError> {
    let ask = statement(connection, ROWS, [id.as_str().into()]);
    let mut read = Read::default();
    for row in connection.query_all_raw(ask).await? {
        let kind: String = row.try_get("", "kind")?;
        let content: String = row.try_get("", "content")?;
        read.add(id, &kind, &content)?;
    }
    read.parts(id)
}

/// Makes a state the base of the log, in place of the one at `before`, and removes the events up to it. It is read back before
/// anything goes. Returns how many events are gone. Errors: [`StoreError::Stale`] if somebody else has moved the base.
pub(crate) async fn compact(
    transaction: &DatabaseTransaction,
    state: &Organization,
    before: i64,
) -> Result<u64, StoreError> {
    let id = state.id();
    let name = || Value::from(id.as_str());
    let revision = state.revision();
    let run = async |sql: &str, values: Vec<Value>| {
        let statement = statement(transaction, sql, values);
        let done = transaction.execute_raw(statement).await?;
        Ok::<u64, StoreError>(done.rows_affected())
    };
    let moved = match before {
        0 => run(CREATE, vec![name(), revision.into()]).await?,
        _ => run(MOVE, vec![name(), revision.into(), before.into()]).await?,
    };
    if moved != 1 {
        return Err(StoreError::Stale {
            expected: before,
            found: self::revision(transaction, id).await?,
        });
    }
    run(FORGET_ROWS, vec![name()]).await?;
    for (position, (kind, content)) in (0_i64..).zip(rows(state)?) {
        let values = vec![name(), position.into(), kind.into(), content.into()];
        run(INSERT_ROWS, values).await?;
    }
    prove(transaction, state).await?;
    let live = state.blockers().filter(|blocker| blocker.is_live());
    let live = live.map(|blocker| blocker.number.get());
    // Who was closed then may be open again.
    let now = blocker::live_numbers(transaction, id).await?;
    let live: BTreeSet<i64> = live.chain(now).collect();
    let live = to_json(&live)?;
    let (keep, let_go) = match transaction.get_database_backend() {
        DbBackend::Postgres => (KEEP_POSTGRES, LET_GO_POSTGRES),
        _ => (KEEP_SQLITE, LET_GO_SQLITE),
    };
    let kept = vec![name(), revision.into(), live.clone().into()];
    run(keep, kept).await?;
    run(let_go, vec![name(), live.into()]).await?;
    run(FORGET_EVENTS, vec![name(), revision.into()]).await
}

/// What was written is what was meant.
async fn prove(transaction: &DatabaseTransaction, state: &Organization) -> Result<(), StoreError> {
    let read = load(transaction, state.id()).await?;
    let read = read.map(Organization::restore);
    let faults = match &read {
        Some(read) => check::compare(state, read),
        None => Vec::new(),
    };
    match (read, faults.first()) {
        (Some(_), None) => Ok(()),
        (_, fault) => Err(StoreError::Other {
            cause: format!(
                "the base of the log of {} does not read back as it was written: {}",
                state.id(),
                fault.map_or("it is missing", |fault| fault.message.as_str())
            ),
        }),
    }
}

fn statement(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}

/// A state as texts of rows, each with its kind.
fn rows(state: &Organization) -> Result<Vec<(&'static str, String)>, StoreError> {
    let id = state.id();
    let profile = state.profile().map_err(|error| StoreError::Other {
        cause: error.to_string(),
    })?;
    let head = organization::new_row(
        id,
        &HeadChange {
            profile: profile.clone(),
            profile_changed: true,
            revision: state.revision(),
            time: state.time(),
            next_blocker: state.next_blocker(),
            next_meeting: state.next_meeting(),
        },
    );
    let nodes = state.tree().iter().map(|node| node::to_row(id, node));
    let policies: Vec<_> = state.policies().collect();
    let versions = policies
        .iter()
        .flat_map(|policy| state.versions(&policy.id))
        .map(|version| policy::version_to_row(id, &version.version));
    let counters = state.tree().iter().map(|node| {
        let counters = state.counters(&node.id);
        counter::to_row(id, &node.id, &counters)
    });
    let blockers = state.blockers().map(|one| blocker::to_row(id, one));
    let meetings = state.meetings().map(|one| meeting::to_row(id, one));
    let mut texts = Vec::new();
    add(&mut texts, HEAD, [Ok(head)])?;
    add(&mut texts, NODE, nodes)?;
    let policies = policies
        .iter()
        .map(|one| Ok(policy::policy_to_row(id, one)));
    add(&mut texts, POLICY, policies)?;
    add(&mut texts, VERSION, versions)?;
    add(&mut texts, COUNTERS, counters)?;
    add(&mut texts, BLOCKER, blockers)?;
    add(&mut texts, MEETING, meetings)?;
    Ok(texts)
}

fn add<T: Serialize>(
    texts: &mut Vec<(&'static str, String)>,
    kind: &'static str,
    rows: impl IntoIterator<Item = Result<T, StoreError>>,
) -> Result<(), StoreError> {
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    for chunk in rows.chunks(CHUNK) {
        texts.push((kind, to_json(&chunk)?));
    }
    Ok(())
}

/// What was read of a base so far.
#[derive(Default)]
struct Read {
    heads: Vec<entity::organization_head::Model>,
    nodes: Vec<entity::node::Model>,
    policies: Vec<entity::policy::Model>,
    versions: Vec<entity::policy_version::Model>,
    counters: Vec<entity::node_counter::Model>,
    blockers: Vec<entity::blocker::Model>,
    meetings: Vec<entity::meeting::Model>,
}

impl Read {
    fn add(&mut self, id: &OrganizationId, kind: &str, content: &str) -> Result<(), StoreError> {
        let row = Row::new("log_base_rows", id.as_str(), kind);
        match kind {
            HEAD => extend(&mut self.heads, &row, content),
            NODE => extend(&mut self.nodes, &row, content),
            POLICY => extend(&mut self.policies, &row, content),
            VERSION => extend(&mut self.versions, &row, content),
            COUNTERS => extend(&mut self.counters, &row, content),
            BLOCKER => extend(&mut self.blockers, &row, content),
            MEETING => extend(&mut self.meetings, &row, content),
            _ => Err(row.corrupt("kind", "it is unknown")),
        }
    }

    fn parts(self, id: &OrganizationId) -> Result<Option<Parts>, StoreError> {
        let Self {
            heads,
            nodes,
            policies,
            versions,
            counters,
            blockers,
            meetings,
        } = self;
        let Some(head) = heads.first() else {
            return Ok(None);
        };
        Ok(Some(Parts {
            id: id.clone(),
            revision: head.revision,
            time: Timestamp::from_micros(head.clock_floor_us),
            profile: profile(head)?,
            nodes: each(nodes, node::from_row)?,
            policies: each(policies, policy::policy_from_row)?,
            versions: each(versions, policy::version_from_row)?,
            blockers: each(blockers, |row| Ok(Arc::new(blocker::from_row(row)?)))?,
            meetings: each(meetings, meeting::from_row)?,
            counters: each(counters, counter::from_row)?,
            next_blocker: head.next_blocker,
            next_meeting: head.next_meeting,
        }))
    }
}

fn extend<T: DeserializeOwned>(
    rows: &mut Vec<T>,
    row: &Row,
    content: &str,
) -> Result<(), StoreError> {
    rows.extend(row.json::<Vec<T>>("content", content)?);
    Ok(())
}

fn each<T, U>(
    rows: Vec<T>,
    read: impl Fn(T) -> Result<U, StoreError>,
) -> Result<Vec<U>, StoreError> {
    rows.into_iter().map(read).collect()
}
