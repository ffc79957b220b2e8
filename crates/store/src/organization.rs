//! Organizations: the head that every write locks first, the profile beside it, and a whole organization at once.

use std::sync::Arc;

use echelon_domain::{
    OrganizationId, Timestamp,
    organization::Parts,
    profile::{Profile, Settings},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    blocker,
    cell::Cell,
    changes::HeadChange,
    counter,
    entity::organization_head::{Column, Entity, Model},
    error::StoreError,
    flush::HeadWrite,
    meeting, node, policy,
    row::{Row, micros},
    schema,
    sql::{self, Write},
};

static INSERT: Write<Entity> = Write::insert();

/// Where an organization's history stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which history: a random name that changes when a database is restored.
    pub epoch: String,
    /// Revision of the newest event.
    pub revision: i64,
    /// Time of the newest event: the next one is later.
    pub time: Timestamp,
}

impl Head {
    pub(crate) fn of(row: &Model) -> Self {
        Self {
            epoch: row.epoch.clone(),
            revision: row.revision,
            time: Timestamp::from_micros(row.clock_floor_us),
        }
    }
}

pub(crate) async fn head(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Head>, StoreError> {
    Ok(find(connection, id).await?.as_ref().map(Head::of))
}

pub(crate) async fn heads(
    connection: &impl ConnectionTrait,
) -> Result<Vec<(OrganizationId, Head)>, StoreError> {
    let columns = [
        Column::Organization,
        Column::Epoch,
        Column::Revision,
        Column::ClockFloorUs,
    ];
    let rows: Vec<(String, String, i64, i64)> = Entity::find()
        .select_only()
        .columns(columns)
        .order_by_asc(Column::Organization)
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(organization, epoch, revision, clock_floor_us)| {
            let head = Head {
                epoch,
                revision,
                time: Timestamp::from_micros(clock_floor_us),
            };
            let row = Row::new("organization_head", &organization, "");
            Ok((row.organization(&organization)?, head))
        })
        .collect()
}

pub(crate) async fn page(
    connection: &impl ConnectionTrait,
    after: Option<&OrganizationId>,
    limit: u64,
) -> Result<Vec<(OrganizationId, Profile)>, StoreError> {
    let mut query = Entity::find();
    if let Some(after) = after {
        query = query.filter(Column::Organization.gt(after.as_str()));
    }
    let rows = query
        .order_by_asc(Column::Organization)
        .limit(sql::limit(limit))
        .all(connection)
        .await?;
    rows.iter()
        .map(|model| {
            let row = Row::new("organization_head", &model.organization, "");
            Ok((row.organization(&model.organization)?, profile(model)?))
        })
        .collect()
}

/// Which blockers and meetings to load.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Live,
    All,
}

/// An organization as it was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// Where its history stood.
    pub head: Head,
    /// What it is made of.
    pub parts: Parts,
}

pub(crate) async fn load(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Loaded>, StoreError> {
    // What a newer version has written in its own way is not taken for something else.
    schema::check_served(connection).await?;
    parts(connection, id, Extent::Live).await
}

pub(crate) async fn load_all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Loaded>, StoreError> {
    parts(connection, id, Extent::All).await
}

async fn parts(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    extent: Extent,
) -> Result<Option<Loaded>, StoreError> {
    let Some(head) = find(connection, id).await? else {
        return Ok(None);
    };
    let (blockers, meetings) = match extent {
        Extent::Live => (
            blocker::live(connection, id).await?,
            meeting::open(connection, id).await?,
        ),
        Extent::All => (
            blocker::all(connection, id)
                .await?
                .into_iter()
                .map(Arc::new)
                .collect(),
            meeting::all(connection, id).await?,
        ),
    };
    let parts = Parts {
        id: id.clone(),
        revision: head.revision,
        time: Timestamp::from_micros(head.clock_floor_us),
        profile: profile(&head)?,
        nodes: node::all(connection, id).await?,
        policies: policy::all(connection, id).await?,
        versions: policy::versions(connection, id).await?,
        blockers,
        meetings,
        counters: counter::all(connection, id).await?,
        next_blocker: head.next_blocker,
        next_meeting: head.next_meeting,
    };
    Ok(Some(Loaded {
        head: Head::of(&head),
        parts,
    }))
}

/// The row of a new organization's head, and with it the name of its history.
pub(crate) fn new_row(id: &OrganizationId, change: &HeadChange) -> Model {
    model(id, Uuid::new_v4().to_string(), change)
}

/// Names every history anew. One name serves all: a token says which organization it is of.
pub(crate) async fn begin_epochs(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let begun = Entity::update_many()
        .col_expr(Column::Epoch, Expr::value(Uuid::new_v4().to_string()))
        .exec(connection)
        .await?;
    Ok(begun.rows_affected)
}

/// The head is found only where it was; on PostgreSQL the rest of a statement takes that as its condition.
const STAY: &str = "UPDATE organization_head SET revision = revision \
     WHERE organization = $1 AND epoch = $2 AND revision = $3 RETURNING 1";
const MOVE: &str = "UPDATE organization_head \
     SET revision = $1, clock_floor_us = $2, next_blocker = $3, next_meeting = $4 \
     WHERE organization = $5 AND epoch = $6 AND revision = $7 RETURNING 1";
const MOVE_WITH_PROFILE: &str = "UPDATE organization_head \
     SET revision = $1, clock_floor_us = $2, next_blocker = $3, next_meeting = $4, display_name = $5, root = $6, \
     aged_after_us = $7, due_soon_within_us = $8, acknowledgement_expiry_us = $9, hold_limit_us = $10, \
     created_us = $11, updated_us = $12, profile_revision = $13 \
     WHERE organization = $14 AND epoch = $15 AND revision = $16 RETURNING 1";

/// How a change of the head is written where `before` is the head, and the head afterwards.
pub(crate) fn head_write(
    id: &OrganizationId,
    before: Option<&Head>,
    change: Option<&HeadChange>,
) -> Result<(HeadWrite, Head), StoreError> {
    let Some(before) = before else {
        let change = change.ok_or_else(|| StoreError::Other {
            cause: "something is to be written of an organization that does not exist".to_owned(),
        })?;
        let row = new_row(id, change);
        let after = Head::of(&row);
        return Ok((HeadWrite::Create(INSERT.part(vec![row])?), after));
    };
    let place = [
        Cell::text(id.as_str()),
        Cell::text(&before.epoch),
        Cell::number(before.revision),
    ];
    let Some(change) = change else {
        let head = HeadWrite::Move {
            sql: STAY,
            values: place.into(),
        };
        return Ok((head, before.clone()));
    };
    let Model {
        organization: _,
        epoch,
        display_name,
        root,
        revision,
        clock_floor_us,
        next_blocker,
        next_meeting,
        aged_after_us,
        due_soon_within_us,
        acknowledgement_expiry_us,
        hold_limit_us,
        created_us,
        updated_us,
        profile_revision,
    } = model(id, before.epoch.clone(), change);
    let after = Head {
        epoch,
        revision,
        time: Timestamp::from_micros(clock_floor_us),
    };
    let moved = [revision, clock_floor_us, next_blocker, next_meeting];
    let mut values = Vec::from(moved.map(Cell::number));
    let mut sql = MOVE;
    if change.profile_changed {
        sql = MOVE_WITH_PROFILE;
        values.extend([Cell::text(display_name), Cell::text(root)]);
        let numbers = [
            aged_after_us,
            due_soon_within_us,
            acknowledgement_expiry_us,
            hold_limit_us,
            created_us,
            updated_us,
            profile_revision,
        ];
        values.extend(numbers.map(Cell::number));
    }
    values.extend(place);
    Ok((HeadWrite::Move { sql, values }, after))
}

async fn find(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id.as_str()).one(connection).await?)
}

fn model(id: &OrganizationId, epoch: String, change: &HeadChange) -> Model {
    let HeadChange {
        profile,
        profile_changed: _,
        revision,
        time,
        next_blocker,
        next_meeting,
    } = change;
    let Profile {
        display_name,
        root,
        settings,
        created_at,
        updated_at,
        revision: profile_revision,
    } = Arc::unwrap_or_clone(profile.clone());
    let Settings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = settings;
    Model {
        organization: id.to_string(),
        epoch,
        display_name,
        root: root.to_string(),
        revision: *revision,
        clock_floor_us: time.as_micros(),
        next_blocker: next_blocker.get(),
        next_meeting: next_meeting.get(),
        aged_after_us: micros(aged_after),
        due_soon_within_us: micros(due_soon_within),
        acknowledgement_expiry_us: micros(acknowledgement_expiry),
        hold_limit_us: micros(hold_limit),
        created_us: created_at.as_micros(),
        updated_us: updated_at.as_micros(),
        profile_revision,
    }
}

pub(crate) fn profile(model: &Model) -> Result<Profile, StoreError> {
    let Model {
        organization,
        epoch: _,
        display_name,
        root,
        revision: _,
        clock_floor_us: _,
        next_blocker: _,
        next_meeting: _,
        aged_after_us,
        due_soon_within_us,
        acknowledgement_expiry_us,
        hold_limit_us,
        created_us,
        updated_us,
        profile_revision,
    } = model;
    let row = Row::new("organization_head", organization, "");
    Ok(Profile {
        display_name: display_name.clone(),
        root: row.node("root", root)?,
        settings: Settings {
            aged_after: row.span("aged_after_us", *aged_after_us)?,
            due_soon_within: row.span("due_soon_within_us", *due_soon_within_us)?,
            acknowledgement_expiry: row
                .span("acknowledgement_expiry_us", *acknowledgement_expiry_us)?,
            hold_limit: row.span("hold_limit_us", *hold_limit_us)?,
        },
        created_at: Timestamp::from_micros(*created_us),
        updated_at: Timestamp::from_micros(*updated_us),
        revision: *profile_revision,
    })
}
