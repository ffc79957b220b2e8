//! Records of repaired counters.

use echelon_domain::{
    Error, NodeId,
    counters::{Counters, Logged, Repair},
    node::Level,
};

use super::missing;
use crate::v1;

pub(super) fn to_record(repaired: &[Repair]) -> v1::CountersRecord {
    v1::CountersRecord {
        nodes: repaired.iter().map(node_to_record).collect(),
    }
}

pub(super) fn from_record(record: &v1::CountersRecord) -> Result<Vec<Repair>, Error> {
    let v1::CountersRecord { nodes } = record;
    nodes.iter().map(node_from_record).collect()
}

fn node_to_record(repair: &Repair) -> v1::NodeCountersRecord {
    let Repair {
        node,
        counted,
        logged,
    } = repair;
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
        // They are in `logged`, if anywhere.
        escalated_in: _,
        escalated_out: _,
        meetings_held: _,
        day: _,
        day_open: _,
    } = counted;
    v1::NodeCountersRecord {
        node: node.to_string(),
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
        exhausted: *exhausted,
        awaiting_verification: *awaiting_verification,
        raised_total: *raised_total,
        closed_total: *closed_total,
        logged: logged.map(|logged| {
            let Logged {
                escalated_in,
                escalated_out,
                meetings_held,
                day,
                day_open,
            } = logged;
            v1::LoggedCountersRecord {
                escalated_in,
                escalated_out,
                meetings_held,
                day,
                day_open,
            }
        }),
    }
}

fn node_from_record(record: &v1::NodeCountersRecord) -> Result<Repair, Error> {
    let v1::NodeCountersRecord {
        node,
        by_severity,
        by_state,
        by_holder_level,
        held_here,
        held_below,
        held_above,
        unowned,
        exhausted,
        awaiting_verification,
        raised_total,
        closed_total,
        logged,
    } = record;
    let v1::SeverityCounts {
        low,
        medium,
        high,
        critical,
    } = by_severity.ok_or_else(|| missing("counters.nodes.by_severity"))?;
    let v1::StateCounts {
        raised,
        acknowledged,
        owned,
        on_hold,
    } = by_state.ok_or_else(|| missing("counters.nodes.by_state"))?;
    let by_holder_level = by_holder_level.iter().map(|(level, count)| {
        let level = Level::new("counters.nodes.by_holder_level", level)?;
        Ok((level, *count))
    });
    let counted = Counters {
        by_severity: [low, medium, high, critical],
        by_state: [raised, acknowledged, owned, on_hold],
        by_holder_level: by_holder_level.collect::<Result<_, Error>>()?,
        held_here: *held_here,
        held_below: *held_below,
        held_above: *held_above,
        unowned: *unowned,
        exhausted: *exhausted,
        awaiting_verification: *awaiting_verification,
        raised_total: *raised_total,
        closed_total: *closed_total,
        escalated_in: 0,
        escalated_out: 0,
        meetings_held: 0,
        day: 0,
        day_open: 0,
    };
    let logged = logged.map(|logged| {
        let v1::LoggedCountersRecord {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
        } = logged;
        Logged {
            escalated_in,
            escalated_out,
            meetings_held,
            day,
            day_open,
        }
    });
    Ok(Repair {
        node: NodeId::new("counters.nodes.node", node)?,
        counted,
        logged,
    })
}
