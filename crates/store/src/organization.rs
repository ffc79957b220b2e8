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
    changes::HeadChange,
    counter,
    entity::organization_head::{Column, Entity, Model},
    error::StoreError,
    meeting, node, policy,
    row::{Row, micros},
    sql::{self, Write},
    transaction::Transaction,
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

pub(crate) async fn load(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Parts>, StoreError> {
    parts(connection, id, Extent::Live).await
}

pub(crate) async fn load_all(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
) -> Result<Option<Parts>, StoreError> {
    parts(connection, id, Extent::All).await
}

async fn parts(
    connection: &impl ConnectionTrait,
    id: &OrganizationId,
    extent: Extent,
) -> Result<Option<Parts>, StoreError> {
    let Some(head) = find(connection, id).await? else {
        return Ok(None);
    };
    let (blockers, meetings) = match extent {
        Extent::Live => (
            blocker::live(connection, id).await?,
            meeting::open(connection, id).await?,
        ),
        Extent::All => (
            blocker::all(connection, id).await?,
            meeting::all(connection, id).await?,
        ),
    };
    Ok(Some(Parts {
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
    }))
}

/// Writes the head of a new organization, and with it the name of its history.
pub(crate) async fn create(
    transaction: &Transaction,
    id: &OrganizationId,
    change: &HeadChange,
) -> Result<Head, StoreError> {
    let row = model(id, Uuid::new_v4().to_string(), change);
    let head = Head::of(&row);
    INSERT.rows(transaction, vec![row]).await?;
    Ok(head)
}

/// Names every history anew. One name serves all: a token says which organization it is of.
pub(crate) async fn begin_epochs(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let begun = Entity::update_many()
        .col_expr(Column::Epoch, Expr::value(Uuid::new_v4().to_string()))
        .exec(connection)
        .await?;
    Ok(begun.rows_affected)
}

/// Moves the head on. Errors: [`StoreError::Stale`] if it is not where it was when it was locked.
pub(crate) async fn update(
    transaction: &Transaction,
    id: &OrganizationId,
    before: &Head,
    change: &HeadChange,
) -> Result<Head, StoreError> {
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
    let mut update = Entity::update_many()
        .col_expr(Column::Revision, Expr::value(revision))
        .col_expr(Column::ClockFloorUs, Expr::value(clock_floor_us))
        .col_expr(Column::NextBlocker, Expr::value(next_blocker))
        .col_expr(Column::NextMeeting, Expr::value(next_meeting));
    if change.profile_changed {
        update = update
            .col_expr(Column::DisplayName, Expr::value(display_name))
            .col_expr(Column::Root, Expr::value(root))
            .col_expr(Column::AgedAfterUs, Expr::value(aged_after_us))
            .col_expr(Column::DueSoonWithinUs, Expr::value(due_soon_within_us))
            .col_expr(
                Column::AcknowledgementExpiryUs,
                Expr::value(acknowledgement_expiry_us),
            )
            .col_expr(Column::HoldLimitUs, Expr::value(hold_limit_us))
            .col_expr(Column::CreatedUs, Expr::value(created_us))
            .col_expr(Column::UpdatedUs, Expr::value(updated_us))
            .col_expr(Column::ProfileRevision, Expr::value(profile_revision));
    }
    let updated = update
        .filter(Column::Organization.eq(id.as_str()))
        .filter(Column::Revision.eq(before.revision))
        .exec(transaction)
        .await?;
    if updated.rows_affected != 1 {
        let found = head(transaction, id).await?;
        return Err(StoreError::Stale {
            expected: before.revision,
            found: found.map_or(0, |head| head.revision),
        });
    }
    Ok(Head {
        epoch,
        revision,
        time: Timestamp::from_micros(clock_floor_us),
    })
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

fn profile(model: &Model) -> Result<Profile, StoreError> {
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
