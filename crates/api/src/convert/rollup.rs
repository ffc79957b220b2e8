//! Roll-ups and attention lists.

use echelon_domain::{
    OrganizationId, Timestamp,
    attention::{Item, Reason},
    counters::Counters,
    rollup::{Child, Figures, Rollup},
};

use super::{
    blocker, name,
    time::{optional_timestamp, timestamp},
};
use crate::v1;

/// A roll-up as the API has it.
#[must_use]
pub fn to_proto(id: &OrganizationId, rollup: &Rollup) -> v1::Rollup {
    let Rollup {
        node,
        figures: whole,
        children,
        attention,
        as_of,
        revision,
    } = rollup;
    v1::Rollup {
        node: name::node(id, &node.id),
        display_name: node.display_name.clone(),
        level: node.level.as_str().to_owned(),
        figures: Some(figures(whole)),
        children: children
            .iter()
            .map(
                |Child {
                     node,
                     figures: below,
                 }| v1::ChildRollup {
                    node: name::node(id, &node.id),
                    display_name: node.display_name.clone(),
                    level: node.level.as_str().to_owned(),
                    figures: Some(figures(below)),
                },
            )
            .collect(),
        attention: attention
            .iter()
            .map(|item| attention_item(id, item))
            .collect(),
        as_of_time: Some(timestamp(*as_of)),
        revision: *revision,
    }
}

fn figures(figures: &Figures) -> v1::RollupFigures {
    let Figures {
        counters,
        overdue,
        due_soon,
        aged,
        open_since_yesterday,
        oldest,
    } = figures;
    let open = counters.open();
    let Counters {
        by_severity: [low, medium, high, critical],
        by_state: [raised, acknowledged, owned, on_hold],
        by_holder_level,
        held_here,
        held_below,
        held_above,
        unowned,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        escalated_in,
        escalated_out,
        meetings_held,
        // They are in `open_since_yesterday`.
        day: _,
        day_open: _,
    } = counters;
    v1::RollupFigures {
        open,
        by_severity: Some(v1::SeverityCounts {
            low: *low,
            medium: *medium,
            high: *high,
            critical: *critical,
        }),
        by_state: Some(v1::StateCounts {
            raised: *raised,
            acknowledged: *acknowledged,
            owned: *owned,
            on_hold: *on_hold,
        }),
        by_holder_level: by_holder_level
            .iter()
            .map(|(level, count)| (level.as_str().to_owned(), *count))
            .collect(),
        held_here: *held_here,
        held_below: *held_below,
        held_above: *held_above,
        unowned: *unowned,
        overdue: *overdue,
        due_soon: *due_soon,
        aged: *aged,
        exhausted: *exhausted,
        awaiting_verification: *awaiting_verification,
        raised_total: *raised_total,
        closed_total: *closed_total,
        escalated_in: *escalated_in,
        escalated_out: *escalated_out,
        open_since_yesterday: *open_since_yesterday,
        meetings_held: *meetings_held,
        oldest_raise_time: optional_timestamp(*oldest),
    }
}

/// One thing that needs attention, as the API has it.
#[must_use]
pub fn attention_item(id: &OrganizationId, item: &Item) -> v1::AttentionItem {
    let Item {
        reason: why,
        blocker,
        note,
    } = item;
    v1::AttentionItem {
        reason: reason(*why).into(),
        blocker: Some(blocker::to_proto(id, blocker)),
        note: note.clone(),
    }
}

const fn reason(reason: Reason) -> v1::AttentionReason {
    match reason {
        Reason::Exhausted => v1::AttentionReason::Exhausted,
        Reason::CriticalUnowned => v1::AttentionReason::CriticalUnowned,
        Reason::CommitmentMissed => v1::AttentionReason::CommitmentMissed,
        Reason::Overdue => v1::AttentionReason::Overdue,
        Reason::OwnerRequired => v1::AttentionReason::OwnerRequired,
        Reason::Escalated => v1::AttentionReason::Escalated,
        Reason::DueSoon => v1::AttentionReason::DueSoon,
        Reason::Aged => v1::AttentionReason::Aged,
        Reason::AwaitingVerification => v1::AttentionReason::AwaitingVerification,
    }
}

/// The response of ListAttention for one page of items.
#[must_use]
pub fn attention_page(
    id: &OrganizationId,
    items: &[Item],
    next_page_token: String,
    as_of: Timestamp,
    revision: i64,
) -> v1::ListAttentionResponse {
    v1::ListAttentionResponse {
        items: items.iter().map(|item| attention_item(id, item)).collect(),
        next_page_token,
        as_of_time: Some(timestamp(as_of)),
        revision,
    }
}
