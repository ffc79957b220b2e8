//! E8, same on both: the log, brought into a database of the other kind, comes out of it with the same bytes; and what a
//! restore has kept of a history is unchanged.

use crate::record::{Logged, Record};

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(twin), Some(last)) = (&record.twin, record.histories.last()) {
        let log: Vec<Logged> = last.log.iter().map(Logged::from).collect();
        found.extend(
            first_difference(&log, twin)
                .map(|difference| format!("the other database {difference}")),
        );
    }
    for (number, pair) in record.histories.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        let kept = |log: &[echelon_api::v1::Event]| -> Vec<Logged> {
            let kept = log.iter().filter(|event| event.revision <= after.since);
            kept.map(Logged::from).collect()
        };
        let difference = first_difference(&kept(&before.log), &kept(&after.log));
        found.extend(difference.map(|difference| {
            format!(
                "history {}, restored at revision {}, {difference}",
                number + 1,
                after.since
            )
        }));
    }
    found
}

fn first_difference(log: &[Logged], other: &[Logged]) -> Option<String> {
    let differs = log.iter().zip(other).find(|(one, other)| one != other);
    if let Some((one, other)) = differs {
        return Some(format!(
            "has other bytes at {}/{}, where the log has {}/{}",
            other.revision, other.index, one.revision, one.index
        ));
    }
    (log.len() != other.len())
        .then(|| format!("has {} events instead of {}", other.len(), log.len()))
}
