//! E7, idempotent: whatever happened to a call on its way, all its answers are equal, the log has one effect of it, and what
//! it was told is what the log holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::change;
use crate::record::{Answer, Call, History, Outcome, Record};

pub(super) fn check(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for (number, history) in record.histories.iter().enumerate() {
        let log = Index::new(history);
        let next_since = record.histories.get(number + 1).map(|next| next.since);
        for call in &record.calls {
            let told = |fault: String| {
                format!(
                    "history {number}: {} {} of {} {fault}",
                    call.method, call.request_id, call.about
                )
            };
            found.extend(unequal(call, number).map(told));
            found.extend(forgotten(call, number).map(told));
            found.extend(log.doubled(call, number).map(told));
            found.extend(log.mistold(call, number).map(told));
            if let Some(since) = next_since {
                found.extend(changed_its_mind(call, number, since).map(told));
            }
        }
    }
    found
}

/// Answers within one history that differ.
fn unequal(call: &Call, history: usize) -> Option<String> {
    let mut answers = call.answers(history);
    let (first_attempt, first) = answers.next()?;
    let (attempt, other) = answers.find(|(_, answer)| *answer != first)?;
    Some(format!(
        "got {} from replica {} and then {} from replica {}",
        shown(first),
        first_attempt.replica,
        shown(other),
        attempt.replica
    ))
}

/// An answer that a restore has kept, and that differs afterwards.
fn changed_its_mind(call: &Call, history: usize, since: i64) -> Option<String> {
    let first = call.answer(history)?;
    if first.revision > since {
        return None;
    }
    let other = call.answer(history + 1)?;
    (first != other).then(|| {
        format!(
            "got {} before the restore of revision {since}, and {} after it",
            shown(first),
            shown(other)
        )
    })
}

fn shown(answer: &Answer) -> String {
    format!("revision {} ({:016x})", answer.revision, answer.fingerprint)
}

/// A refusal of a call that had been answered, or of its key.
fn forgotten(call: &Call, history: usize) -> Option<String> {
    let answered = call.answers(history).map(|(attempt, _)| attempt.ended_us);
    let answered = answered.min();
    call.attempts
        .iter()
        .filter(|attempt| attempt.history == history)
        .find_map(|attempt| match &attempt.outcome {
            Outcome::Refused { reason, .. } if reason == "REQUEST_ID_REUSED" => {
                Some("is refused as if its key had been another call's".to_owned())
            }
            Outcome::Refused {
                reason, message, ..
            } if answered.is_some_and(|at| at < attempt.sent_us) => Some(format!(
                "was answered, and then refused by replica {}: {reason}: {message}",
                attempt.replica
            )),
            Outcome::Refused { .. } | Outcome::Answered(_) | Outcome::Lost { .. } => None,
        })
}

/// What a log holds of each call.
struct Index<'a> {
    /// By author, the revisions of its events.
    revisions: HashMap<&'a str, BTreeSet<i64>>,
    /// By title, the revisions in which blockers were raised with it.
    raised: HashMap<&'a str, Vec<i64>>,
    /// By blocker, its state at the end of each revision that changed it.
    states: HashMap<&'a str, BTreeMap<i64, i32>>,
}

impl<'a> Index<'a> {
    fn new(history: &'a History) -> Self {
        let mut index = Self {
            revisions: HashMap::new(),
            raised: HashMap::new(),
            states: HashMap::new(),
        };
        for event in &history.log {
            if !event.actor.is_empty() {
                let revisions = index.revisions.entry(&event.actor).or_default();
                revisions.insert(event.revision);
            }
            let Some(changed) = change(event) else {
                continue;
            };
            if let Some(content) = &changed.content
                && super::ledger::begins(changed.change())
            {
                let raised = index.raised.entry(&content.title).or_default();
                raised.push(event.revision);
            }
            if let Some(status) = &changed.status {
                let states = index.states.entry(&event.blocker).or_default();
                states.insert(event.revision, status.state);
            }
        }
        index
    }

    /// More than one effect, one at another revision than the answer tells, or one of a call that was refused.
    fn doubled(&self, call: &Call, history: usize) -> Option<String> {
        let mut revisions = self.revisions.get(call.request_id.as_str()).cloned();
        if call.method == "Raise"
            && let Some(raised) = self.raised.get(call.request_id.as_str())
        {
            if raised.len() > 1 {
                return Some(format!("raised {} blockers", raised.len()));
            }
            revisions.get_or_insert_default().extend(raised);
        }
        let revisions = revisions?;
        if revisions.len() > 1 {
            return Some(format!("has an effect at revisions {revisions:?}"));
        }
        let first = revisions.first()?;
        if let Some(answer) = call.answer(history) {
            return (answer.revision != *first).then(|| {
                format!(
                    "has an effect at revision {first}, and was told {}",
                    answer.revision
                )
            });
        }
        let of_history = |outcome: fn(&Outcome) -> bool| {
            let attempts = call.attempts.iter();
            let mut attempts = attempts.filter(|attempt| attempt.history <= history);
            attempts.any(|attempt| outcome(&attempt.outcome))
        };
        let refused = of_history(|outcome| matches!(outcome, Outcome::Refused { .. }));
        let otherwise = of_history(|outcome| !matches!(outcome, Outcome::Refused { .. }));
        (refused && !otherwise)
            .then(|| format!("was refused, and has an effect at revision {first}"))
    }

    /// An answer that tells another state of its blocker than the log.
    fn mistold(&self, call: &Call, history: usize) -> Option<String> {
        let answer = call.answer(history)?;
        let (name, state) = answer.blocker.as_ref()?;
        let states = self.states.get(name.as_str());
        let logged = states.and_then(|states| states.range(..=answer.revision).next_back());
        match logged {
            Some((_, logged)) if logged == state => None,
            Some((revision, logged)) => Some(format!(
                "was told that {name} is in state {state} at revision {}, and the log has {logged} since revision {revision}",
                answer.revision
            )),
            None => Some(format!(
                "was told of {name} at revision {}, and the log has no such blocker",
                answer.revision
            )),
        }
    }
}
