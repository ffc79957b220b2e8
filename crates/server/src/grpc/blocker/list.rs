//! Listing blockers.

use std::time::Duration;

use echelon_api::{
    convert::{
        blocker::{parse_escalation_state, parse_severity, parse_state, to_proto},
        name, non_empty,
        time::parse_optional_duration,
    },
    v1,
};
use echelon_domain::{
    BlockerNumber, Error, NodeId, Organization,
    blocker::State,
    list::{BlockerCursor, BlockerOrder, BlockerQuery},
};

use crate::{app::App, grpc::page::Paging};

pub(super) async fn list(
    app: &App,
    mut message: v1::ListBlockersRequest,
) -> Result<v1::ListBlockersResponse, Error> {
    let min_revision = std::mem::take(&mut message.min_revision);
    let paging = Paging::of(
        "ListBlockers",
        &mut message,
        |m| (&mut m.page_size, &mut m.page_token),
        50,
    )?;
    let organization = name::parse_organization("parent", &message.parent)?;
    let snapshot = app.snapshot_for(&organization, min_revision).await?;
    let after = paging.cursor(|cursor| {
        let (key, number) = cursor.split_once(':')?;
        Some(BlockerCursor {
            key: key.parse().ok()?,
            number: BlockerNumber::new(number.parse().ok()?),
        })
    })?;
    let mut query = parse(app, &snapshot, &message)?;
    query.after = after;
    query.limit = paging.limit();
    let (revision, mut found) = app.blockers_beside(&snapshot, &query).await?;
    let next_page_token = paging.cut(&mut found, |blocker| {
        let BlockerCursor { key, number } = BlockerCursor::of(blocker, query.order);
        format!("{key}:{}", number.get())
    });
    Ok(v1::ListBlockersResponse {
        blockers: found
            .iter()
            .map(|blocker| to_proto(&organization, blocker))
            .collect(),
        next_page_token,
        revision,
    })
}

fn parse(
    app: &App,
    snapshot: &Organization,
    message: &v1::ListBlockersRequest,
) -> Result<BlockerQuery, Error> {
    let v1::ListBlockersRequest {
        parent: _,
        node,
        scope,
        states,
        severities,
        holder,
        owner,
        unowned,
        min_age,
        category,
        escalation_state,
        order_by,
        page_size: _,
        page_token: _,
        min_revision: _,
    } = message;
    let id = snapshot.id();
    let node = match non_empty(node) {
        Some(node) => name::parse_node_of(id, "node", node)?,
        None => snapshot.profile()?.root.clone(),
    };
    snapshot.tree().require(&node)?;
    let (origins, mut holders) = scoped(snapshot, node, *scope)?;
    if let Some(holder) = non_empty(holder) {
        let holder = name::parse_node_of(id, "holder", holder)?;
        snapshot.tree().require(&holder)?;
        let within = holders
            .as_ref()
            .is_none_or(|holders| holders.contains(&holder));
        holders = Some(if within { vec![holder] } else { Vec::new() });
    }
    let age = parse_optional_duration("min_age", min_age.as_ref())?;
    let escalation = match escalation_state {
        0 => None,
        number => Some(parse_escalation_state("escalation_state", *number)?),
    };
    let (order, descending) = parse_order(order_by)?;
    Ok(BlockerQuery {
        states: parse_states(states)?,
        severities: severities
            .iter()
            .filter_map(|number| parse_severity("severities", *number).transpose())
            .collect::<Result<_, _>>()?,
        origins,
        holders,
        owner: non_empty(owner).map(str::to_owned),
        unowned: *unowned,
        category: non_empty(category).map(str::to_owned),
        escalation,
        // Exactly so old is old enough.
        raised_before: age.map(|age| app.time(snapshot).minus(age).plus(Duration::from_micros(1))),
        order,
        descending,
        after: None,
        limit: 0,
    })
}

type Nodes = Option<Vec<NodeId>>;

/// The origins and the holders that a scope allows; none: all.
fn scoped(snapshot: &Organization, node: NodeId, scope: i32) -> Result<(Nodes, Nodes), Error> {
    let is_root = snapshot.tree().root() == Some(&node);
    let subtree = || (!is_root).then(|| snapshot.tree().whole_subtree(&node));
    let scope = v1::BlockerScope::try_from(scope)
        .map_err(|_| Error::field("scope", "has an unknown value: use a documented one"))?;
    Ok(match scope {
        v1::BlockerScope::Unspecified | v1::BlockerScope::OriginSubtree => (subtree(), None),
        v1::BlockerScope::Origin => (Some(vec![node]), None),
        v1::BlockerScope::HeldHere => (None, Some(vec![node])),
        v1::BlockerScope::HeldSubtree => (None, subtree()),
    })
}

fn parse_states(numbers: &[i32]) -> Result<Vec<State>, Error> {
    let states: Vec<State> = numbers
        .iter()
        .filter_map(|number| parse_state("states", *number).transpose())
        .collect::<Result<_, _>>()?;
    if states.is_empty() {
        return Ok(State::ALL
            .into_iter()
            .filter(|state| state.is_open())
            .collect());
    }
    Ok(states)
}

fn parse_order(order_by: &str) -> Result<(BlockerOrder, bool), Error> {
    let words: Vec<&str> = order_by.split_whitespace().collect();
    let (field, descending) = match words.as_slice() {
        [] => ("number", false),
        [field] | [field, "asc"] => (*field, false),
        [field, "desc"] => (*field, true),
        _ => ("", false),
    };
    let order = match field {
        "number" => BlockerOrder::Number,
        "raise_time" => BlockerOrder::RaiseTime,
        "severity" => BlockerOrder::Severity,
        _ => {
            return Err(Error::field(
                "order_by",
                "is unknown: use number, raise_time or severity, optionally followed by desc",
            ));
        }
    };
    Ok((order, descending))
}
