//! What must always hold, and what must happen in some run, so that the rest says something.

use echelon_domain::{
    blocker::{ChangeKind, State as BlockerState},
    event::Payload,
};
use stateright::Property;

use crate::{
    audit::Guarantee,
    ledger::{History, Verdict},
    protocol::Protocol,
    state::{Answer, Found, Phase, State, Taken},
    story::{FIRST, Job},
};

/// Every property, under its name.
#[must_use]
pub fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always("E1 one holder", |_, state| {
            holds(state, Guarantee::OneHolder)
        }),
        Property::always("E2 nothing lost", |_, state| {
            holds(state, Guarantee::NothingLost)
        }),
        Property::always("E3 exactly once", |_, state| {
            holds(state, Guarantee::ExactlyOnce)
        }),
        Property::always("E4 on time", |model, state| {
            holds(state, Guarantee::OnTime) && nobody_rests(model, state)
        }),
        Property::always("E5 no stale moves", |_, state| {
            holds(state, Guarantee::NoStaleMoves)
        }),
        Property::always("E7 idempotent", |_, state| {
            holds(state, Guarantee::Idempotent)
        }),
        Property::always("E9 folded", |_, state| holds(state, Guarantee::Folded)),
        Property::always("E10 watched", |_, state| holds(state, Guarantee::Watched)),
        Property::sometimes("a race is lost", |model, state| {
            undone(state).any(|(base, _)| base != model.tail(state))
        }),
        Property::sometimes(
            "a key that is there already undoes a batch",
            |model, state| {
                undone(state).any(|(base, jobs)| {
                    base == model.tail(state) && jobs.iter().any(Taken::is_kept)
                })
            },
        ),
        Property::sometimes("a retry meets itself in one batch", |_, state| {
            found(state, Found::Here)
        }),
        Property::sometimes("a refusal is found to be a repetition", |_, state| {
            found(state, Found::ByLook)
        }),
        Property::sometimes("a first answer is found under the lock", |_, state| {
            found(state, Found::UnderLock)
        }),
        Property::sometimes("nobody can answer what was committed", |model, state| {
            forsaken(model, state, true)
        }),
        Property::sometimes(
            "nobody can answer what was not committed",
            |model, state| forsaken(model, state, false),
        ),
        Property::sometimes("a timer loses against a resolution", |model, state| {
            undone(state).any(|(base, jobs)| {
                base != model.tail(state)
                    && jobs.iter().any(|taken| moves_first(model, taken))
                    && is_closed(model, model.tail(state))
            })
        }),
    ]
}

fn holds(state: &State, guarantee: Guarantee) -> bool {
    !state.findings.has(guarantee)
}

/// E4: while something is due, each live replica that rests begins a turn, or learns first what the other one wrote; and
/// a turn on the newest state moves what is due.
fn nobody_rests(model: &Protocol, state: &State) -> bool {
    let tail = model.tail(state);
    if !model.ledger.is_due(tail, state.stroke) {
        return true;
    }
    let turn = model.ledger.decide(tail, Job::Timers, state.stroke);
    matches!(turn, Verdict::Written(_))
        && (0..state.replicas.len()).all(|replica| {
            let here = &state.replicas[replica];
            !here.is_up
                || !here.is_idle()
                || model.has_turn(state, replica)
                || model.is_outdated(state, replica)
        })
}

/// What was not written and will be decided again.
fn undone(state: &State) -> impl Iterator<Item = (History, &[Taken])> {
    let flights = state
        .replicas
        .iter()
        .filter_map(|here| here.flight.as_ref());
    flights
        .filter(|flight| flight.phase == Phase::Undone)
        .map(|flight| (flight.batch.base, flight.batch.jobs.as_slice()))
}

fn found(state: &State, place: Found) -> bool {
    let mut jobs = state.replicas.iter().flat_map(|here| here.jobs());
    jobs.any(|taken| taken.found == Some(place))
}

/// A call that was sent and not answered, and nobody has it in hand any more.
fn forsaken(model: &Protocol, state: &State, is_stored: bool) -> bool {
    model.scenario.calls.iter().any(|call| {
        let client = state.clients[*call as usize];
        let mut jobs = state.replicas.iter().flat_map(|here| here.jobs());
        client.sent > 0
            && !client.is_answered
            && state.stored[*call as usize].is_some() == is_stored
            && !jobs.any(|taken| taken.job == Job::Call(*call))
    })
}

fn moves_first(model: &Protocol, taken: &Taken) -> bool {
    let Answer::Done(history) = taken.answer else {
        return false;
    };
    taken.job == Job::Timers
        && taken.has_events
        && model.ledger.revision(history).events.iter().any(|event| {
            matches!(&event.payload, Payload::BlockerChanged(change)
                if change.number == FIRST && matches!(change.kind, ChangeKind::Moved(_)))
        })
}

fn is_closed(model: &Protocol, history: History) -> bool {
    let revision = model.ledger.revision(history);
    let blocker = revision.state.blocker(FIRST);
    blocker.is_ok_and(|blocker| blocker.status.state == BlockerState::Resolved)
}
