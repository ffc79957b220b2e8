//! E10, watched: a watcher sees every event of its subtree once, in order, whole revisions only, across all its streams; and
//! a token of another history is refused, as one of its own is not.

use echelon_api::v1;

use crate::record::{History, Logged, Opening, Record, Sight, Verdict};

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for sight in &record.sights {
        let told = |fault: String| {
            format!(
                "history {}: watcher {} {fault}",
                sight.history, sight.watcher
            )
        };
        if let Some(history) = record.histories.get(sight.history) {
            found.extend(unlike(sight, history).map(told));
        }
        found.extend(torn(sight).map(told));
        found.extend(behind(sight).map(told));
        found.extend(sight.openings.iter().filter_map(misjudged).map(told));
    }
    found
}

/// Where what was seen differs from the log.
fn unlike(sight: &Sight, history: &History) -> Option<String> {
    let wanted = |event: &&v1::Event| {
        event.revision <= sight.reached
            && (sight.subtree.is_empty() || event.nodes.contains(&sight.subtree))
    };
    let log: Vec<Logged> = history
        .log
        .iter()
        .filter(wanted)
        .map(Logged::from)
        .collect();
    let seen: Vec<Logged> = sight.events.iter().map(|seen| seen.event).collect();
    let place = |event: &Logged| format!("{}/{}", event.revision, event.index);
    let differs = log.iter().zip(&seen).position(|(one, other)| one != other);
    if let Some(index) = differs {
        let (due, came) = (&log[index], &seen[index]);
        let how = if seen[..index].contains(came) {
            "again"
        } else if log.contains(came) {
            "too early"
        } else {
            "and the log has no such event"
        };
        return Some(format!(
            "was to see {}, and {} came {how}",
            place(due),
            place(came)
        ));
    }
    if let Some(missed) = log.get(seen.len()) {
        return Some(format!(
            "was told that it had seen everything up to revision {}, and never saw {}",
            sight.reached,
            place(missed)
        ));
    }
    seen.get(log.len()).map(|extra| {
        format!(
            "saw {}, and had been told that it had reached revision {}",
            place(extra),
            sight.reached
        )
    })
}

/// A revision that came in two messages.
fn torn(sight: &Sight) -> Option<String> {
    let torn = sight.events.windows(2).find(|pair| {
        let [one, next] = pair else { return false };
        one.event.revision == next.event.revision && one.message != next.message
    })?;
    Some(format!(
        "got revision {} in two pieces",
        torn.first()?.event.revision
    ))
}

fn behind(sight: &Sight) -> Option<String> {
    (sight.reached < sight.due).then(|| {
        format!(
            "was waited for until revision {}, and stays at {}",
            sight.due, sight.reached
        )
    })
}

fn misjudged(opening: &Opening) -> Option<String> {
    let same = opening.token_of == opening.shown_in;
    match &opening.verdict {
        Verdict::Accepted if !same => Some(format!(
            "showed replica {} a token of history {} in history {}, and it was accepted",
            opening.replica, opening.token_of, opening.shown_in
        )),
        Verdict::Refused(reason) if same => Some(format!(
            "showed replica {} a token of the same history, and it was refused: {reason}",
            opening.replica
        )),
        Verdict::Accepted | Verdict::Refused(_) | Verdict::Lost => None,
    }
}
