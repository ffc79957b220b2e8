//! Lists of blockers: which ones, in which order, from where on. Lists of what is live are read from the state.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
    ops::Bound,
    sync::Arc,
};

use crate::{
    blocker::{Blocker, EscalationState, Severity, State},
    id::{BlockerNumber, NodeId},
    organization::Organization,
    time::Timestamp,
};

/// What a list of blockers is ordered by; ties are ordered by number, in the same direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockerOrder {
    /// By number.
    #[default]
    Number,
    /// By when they were first raised.
    RaiseTime,
    /// By severity, LOW first.
    Severity,
}

/// The last blocker of a page: the next page follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockerCursor {
    /// What the list is ordered by, as a number; see [`BlockerCursor::of`].
    pub key: i64,
    /// Its number.
    pub number: BlockerNumber,
}

impl BlockerCursor {
    /// The cursor after a blocker, in a list of this order.
    #[must_use]
    pub fn of(blocker: &Blocker, order: BlockerOrder) -> Self {
        let key = match order {
            BlockerOrder::Number => blocker.number.get(),
            BlockerOrder::RaiseTime => blocker.content.raised_at.as_micros(),
            BlockerOrder::Severity => blocker.content.severity.rank(),
        };
        Self {
            key,
            number: blocker.number,
        }
    }
}

/// Which blockers to list. What is empty or none does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockerQuery {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of one of these severities.
    pub severities: Vec<Severity>,
    /// Raised by one of these nodes; an empty list: by nobody.
    pub origins: Option<Vec<NodeId>>,
    /// Held by one of these nodes; an empty list: by nobody.
    pub holders: Option<Vec<NodeId>>,
    /// Owned by this person.
    pub owner: Option<String>,
    /// Without an owner.
    pub unowned: bool,
    /// Of this category.
    pub category: Option<String>,
    /// In this escalation state.
    pub escalation: Option<EscalationState>,
    /// First raised before this instant.
    pub raised_before: Option<Timestamp>,
    /// Order.
    pub order: BlockerOrder,
    /// From the highest down.
    pub descending: bool,
    /// After this one, in the order and direction above.
    pub after: Option<BlockerCursor>,
    /// At most so many.
    pub limit: u64,
}

impl BlockerQuery {
    /// True if it asks for live blockers only, so that [`page`] has them all.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let live = |state: &State| state.is_open() || *state == State::Resolved;
        !self.states.is_empty() && self.states.iter().all(live)
    }

    /// What it asks of open blockers; none if it asks for none of them.
    #[must_use]
    pub fn open_part(&self) -> Option<Self> {
        self.part(State::is_open)
    }

    /// What it asks of blockers that are not open; none if it asks for none of them.
    #[must_use]
    pub fn closed_part(&self) -> Option<Self> {
        self.part(|state| !state.is_open())
    }

    fn part(&self, of: impl Fn(State) -> bool) -> Option<Self> {
        let mut states = if self.states.is_empty() {
            State::ALL.to_vec()
        } else {
            self.states.clone()
        };
        states.retain(|state| of(*state));
        (!states.is_empty()).then(|| Self {
            states,
            ..self.clone()
        })
    }

    /// True if it asks for no open blockers.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.states.is_empty() && !self.states.iter().any(|state| state.is_open())
    }

    /// True if a blocker matches all that is asked of it alone: everything but the nodes.
    fn matches(&self, blocker: &Blocker) -> bool {
        let Self {
            states,
            severities,
            origins: _,
            holders: _,
            owner,
            unowned,
            category,
            escalation,
            raised_before,
            order: _,
            descending: _,
            after: _,
            limit: _,
        } = self;
        let Blocker {
            content, status, ..
        } = blocker;
        (states.is_empty() || states.contains(&status.state))
            && (severities.is_empty() || severities.contains(&content.severity))
            && owner
                .as_ref()
                .is_none_or(|wanted| status.owner.as_deref() == Some(wanted.as_str()))
            && (!unowned || status.owner.is_none())
            && category
                .as_ref()
                .is_none_or(|wanted| content.category == *wanted)
            && escalation.is_none_or(|wanted| wanted == status.escalation)
            && raised_before.is_none_or(|before| content.raised_at < before)
    }

    /// True if a place in the list lies on the wanted page or on a later one.
    fn follows(&self, place: BlockerCursor) -> bool {
        self.after.is_none_or(|after| {
            if self.descending {
                place < after
            } else {
                place > after
            }
        })
    }
}

/// A page of live blockers; see [`BlockerQuery::is_live`].
#[must_use]
pub fn page(organization: &Organization, query: &BlockerQuery) -> Vec<Arc<Blocker>> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let origins: Option<HashSet<&NodeId>> =
        query.origins.as_ref().map(|nodes| nodes.iter().collect());
    let holders: Option<HashSet<&NodeId>> =
        query.holders.as_ref().map(|nodes| nodes.iter().collect());
    let among = |blocker: &Blocker| {
        origins
            .as_ref()
            .is_none_or(|origins| origins.contains(&blocker.content.origin))
            && holders
                .as_ref()
                .is_none_or(|holders| holders.contains(&blocker.status.holder))
    };
    let wanted = |blocker: &&Arc<Blocker>| {
        query.follows(BlockerCursor::of(blocker, query.order))
            && query.matches(blocker)
            && among(blocker)
    };
    if query.order == BlockerOrder::Severity {
        let mut found: Vec<&Arc<Blocker>> =
            candidates(organization, query).filter(wanted).collect();
        let place = |blocker: &&Arc<Blocker>| BlockerCursor::of(blocker, query.order);
        if query.descending {
            keep_first(&mut found, limit, |blocker| Reverse(place(blocker)));
        } else {
            keep_first(&mut found, limit, place);
        }
        return found.into_iter().cloned().collect();
    }
    // Numbers ascend with the time of raising: both orders are that of the numbers.
    let candidates = candidates(organization, query);
    candidates.filter(wanted).take(limit).cloned().collect()
}

/// A page of what two lists have, which hold nothing in common.
#[must_use]
pub fn join(
    mut found: Vec<Arc<Blocker>>,
    others: Vec<Arc<Blocker>>,
    query: &BlockerQuery,
) -> Vec<Arc<Blocker>> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    found.extend(others);
    let place = |blocker: &Arc<Blocker>| BlockerCursor::of(blocker, query.order);
    if query.descending {
        keep_first(&mut found, limit, |blocker| Reverse(place(blocker)));
    } else {
        keep_first(&mut found, limit, place);
    }
    found
}

/// Sorts by a key and keeps the first few.
fn keep_first<T, K: Ord>(found: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> K) {
    if found.len() > limit {
        if limit > 0 {
            found.select_nth_unstable_by_key(limit - 1, &key);
        }
        found.truncate(limit);
    }
    found.sort_unstable_by_key(key);
}

/// What may match, in the order of the numbers: all that is at hand, or what the nodes raised or hold if those are few.
fn candidates<'a>(
    organization: &'a Organization,
    query: &BlockerQuery,
) -> Box<dyn Iterator<Item = &'a Arc<Blocker>> + 'a> {
    let few = organization.tree().len() / 2;
    let numbers: BTreeSet<BlockerNumber> = match (&query.origins, &query.holders) {
        (Some(origins), _) if origins.len() <= few => origins
            .iter()
            .flat_map(|origin| organization.raised_by(origin))
            .map(|blocker| blocker.number)
            .collect(),
        // Of what is resolved nobody is the holder any more, but the last one is remembered.
        (None, Some(holders))
            if holders.len() <= few && !query.states.contains(&State::Resolved) =>
        {
            holders
                .iter()
                .flat_map(|holder| organization.held_by(holder))
                .map(|blocker| blocker.number)
                .collect()
        }
        _ => return all(organization, query),
    };
    let found = numbers
        .into_iter()
        .filter_map(|number| organization.blocker(number).ok());
    if query.descending {
        Box::new(found.rev())
    } else {
        Box::new(found)
    }
}

/// All that is at hand from the cursor on.
fn all<'a>(
    organization: &'a Organization,
    query: &BlockerQuery,
) -> Box<dyn Iterator<Item = &'a Arc<Blocker>> + 'a> {
    let after = query
        .after
        .filter(|_| query.order != BlockerOrder::Severity)
        .map(|after| after.number);
    let beyond = after.map_or(Bound::Unbounded, Bound::Excluded);
    if query.descending {
        Box::new(
            organization
                .blockers_within((Bound::Unbounded, beyond))
                .rev(),
        )
    } else {
        Box::new(organization.blockers_within((beyond, Bound::Unbounded)))
    }
}
