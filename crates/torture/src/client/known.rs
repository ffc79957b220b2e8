//! What all clients know of what there is, so that the plan's numbers can choose among it.

use std::sync::{Mutex, PoisonError};

use echelon_api::v1::BlockerState;

use super::Request;
use crate::record::Answer;

/// How far back a choice reaches: what happens to a few things is more than what happens to each of many.
const REACH: usize = 50;

/// What there is, as far as clients were told.
#[derive(Debug, Default)]
pub(crate) struct Known {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    history: usize,
    blockers: Vec<(String, BlockerState)>,
    open_meetings: Vec<(String, String)>,
    closed_meetings: Vec<String>,
    policies: Vec<String>,
}

impl Known {
    /// Forgets what a restore has undone.
    pub(crate) fn enter(&self, history: usize) {
        self.with(|inner| {
            if inner.history != history {
                *inner = Inner {
                    history,
                    ..Inner::default()
                };
            }
        });
    }

    /// Takes in what an answer told.
    pub(crate) fn learn(&self, request: &Request, answer: &Answer) {
        self.with(|inner| {
            if let Some((name, state)) = &answer.blocker {
                let state = BlockerState::try_from(*state).unwrap_or_default();
                let known = inner.blockers.iter_mut().rev().take(2 * REACH);
                match known.into_iter().find(|(known, _)| known == name) {
                    Some(known) => known.1 = state,
                    None => inner.blockers.push((name.clone(), state)),
                }
            }
            match request {
                Request::OpenMeeting(opened, _) => {
                    if let Some(name) = answer.meeting.clone() {
                        inner.open_meetings.push((name, opened.node.clone()));
                    }
                }
                Request::CloseMeeting(closed, _) => {
                    inner.open_meetings.retain(|(name, _)| *name != closed.name);
                    inner.closed_meetings.push(closed.name.clone());
                }
                Request::CreatePolicy(created, _) => {
                    inner.policies.push(created.policy_id.clone());
                }
                _ => {}
            }
        });
    }

    /// One of the newest blockers whose state is among these; now and then any.
    #[must_use]
    pub(crate) fn blocker(&self, choice: u64, states: &[BlockerState]) -> Option<String> {
        self.with(|inner| {
            let any = choice.is_multiple_of(11);
            let fit = inner.blockers.iter().rev();
            let fit: Vec<&String> = fit
                .filter(|(_, state)| any || states.contains(state))
                .take(REACH)
                .map(|(name, _)| name)
                .collect();
            pick(choice / 11, &fit).map(|name| (*name).clone())
        })
    }

    /// One of the open meetings, with the node that meets.
    #[must_use]
    pub(crate) fn open_meeting(&self, choice: u64) -> Option<(String, String)> {
        self.with(|inner| pick(choice, &inner.open_meetings).cloned())
    }

    /// One of the open meetings, or now and then one that is closed.
    #[must_use]
    pub(crate) fn meeting(&self, choice: u64) -> Option<String> {
        if choice.is_multiple_of(8) {
            return self.with(|inner| pick(choice / 8, &inner.closed_meetings).cloned());
        }
        self.open_meeting(choice / 8).map(|(name, _)| name)
    }

    /// One of the policies; none for the one that is always there.
    #[must_use]
    pub(crate) fn policy(&self, choice: u64) -> Option<String> {
        if choice.is_multiple_of(3) {
            return None;
        }
        self.with(|inner| pick(choice / 3, &inner.policies).cloned())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn pick<T>(choice: u64, of: &[T]) -> Option<&T> {
    let length = u64::try_from(of.len()).ok()?;
    let index = choice.checked_rem(length)?;
    of.get(usize::try_from(index).ok()?)
}
