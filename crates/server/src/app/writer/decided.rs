//! A batch of commands that are decided and not written yet.

use std::{
    collections::HashMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use echelon_domain::{
    BlockerNumber, ConflictReason, Error, MeetingNumber, Organization, RequestId, Timestamp,
    blocker::Blocker,
    command::Context,
    decide::{Decision, decide_onto},
    event::Event,
    meeting::Meeting,
};
use echelon_store::StoredRequest;
use tracing::Span;

use super::{Known, job::Job, retire};
use crate::app::Call;

/// Commands decided in order, each on what the ones before it left.
pub(super) struct Decided {
    /// What the first was decided on, with everything closed that was named since.
    pub(super) base: Organization,
    pub(super) epoch: String,
    pub(super) state: Organization,
    pub(super) events: Vec<Event>,
    /// Answers to be kept for retries.
    pub(super) kept: Vec<StoredRequest>,
    by_id: HashMap<RequestId, usize>,
    jobs: Vec<Job>,
    /// What each job is answered, in their order.
    answers: Vec<Result<Vec<u8>, Error>>,
    blockers: Vec<BlockerNumber>,
    meetings: Vec<MeetingNumber>,
}

/// First answers of calls that may be repeated, wherever they are known from.
#[derive(Default)]
pub(super) struct Firsts<'a> {
    flying: Option<&'a HashMap<RequestId, StoredRequest>>,
    stored: HashMap<RequestId, StoredRequest>,
}

impl<'a> Firsts<'a> {
    /// Those that are on their way to the database.
    pub(super) fn known(flying: Option<&'a HashMap<RequestId, StoredRequest>>) -> Self {
        Self {
            flying,
            stored: HashMap::new(),
        }
    }

    /// Those that the database has.
    pub(super) fn stored(stored: Vec<StoredRequest>) -> Self {
        let stored = stored.into_iter();
        Self {
            flying: None,
            stored: stored
                .map(|first| (first.request_id.clone(), first))
                .collect(),
        }
    }

    fn get(&self, id: &RequestId) -> Option<&StoredRequest> {
        self.stored
            .get(id)
            .or_else(|| self.flying.and_then(|flying| flying.get(id)))
    }
}

impl Decided {
    /// Nothing yet, on a state.
    pub(super) fn on(before: Known) -> Self {
        let Known { epoch, state } = before;
        Self {
            base: state.clone(),
            epoch,
            state,
            events: Vec::new(),
            kept: Vec::new(),
            by_id: HashMap::new(),
            jobs: Vec::new(),
            answers: Vec::new(),
            blockers: Vec::new(),
            meetings: Vec::new(),
        }
    }

    /// How many commands there are.
    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// It is part of the call that began it; the others share its fate.
    pub(super) fn span(&self) -> Span {
        let first = self
            .jobs
            .first()
            .map_or_else(Span::none, |job| job.span.clone());
        tracing::info_span!(parent: &first, "batch", batch.commands = self.jobs.len())
    }

    /// True if there is something to write.
    pub(super) fn writes(&self) -> bool {
        !self.events.is_empty() || !self.kept.is_empty()
    }

    /// Takes in what is closed and named by a command. It was not at hand, so nothing here has changed it.
    pub(super) fn recall(&mut self, blockers: Vec<Blocker>, meetings: Vec<Meeting>) {
        self.blockers
            .extend(blockers.iter().map(|blocker| blocker.number));
        self.meetings
            .extend(meetings.iter().map(|meeting| meeting.number));
        self.base.recall(blockers.clone(), meetings.clone());
        self.state.recall(blockers, meetings);
    }

    /// The state that it leaves, without what is closed.
    pub(super) fn after(&self) -> Known {
        let mut state = self.state.clone();
        state.retire(self.blockers.iter().copied(), self.meetings.iter().copied());
        retire(&mut state, &self.events);
        Known {
            epoch: self.epoch.clone(),
            state,
        }
    }

    /// Refused calls with a key: they may be repetitions, whose first answer is stored.
    pub(super) fn doubtful(&self) -> Vec<RequestId> {
        let jobs = self.jobs.iter().zip(&self.answers);
        jobs.filter(|(_, answer)| answer.is_err())
            .filter_map(|(job, _)| job.call.request_id.clone())
            .collect()
    }

    /// Decides one more command. An error leaves nothing behind.
    pub(super) fn decide(&mut self, job: Job, firsts: &Firsts<'_>, now: Timestamp) {
        let span = job.deciding(self.state.id());
        let before = self.events.len();
        let answer = span.in_scope(|| self.decide_one(&job, firsts, now));
        span.record("decide.events", self.events.len() - before);
        if answer.is_err() {
            span.record("decide.refused", true);
        }
        self.jobs.push(job);
        self.answers.push(answer);
    }

    fn decide_one(
        &mut self,
        job: &Job,
        firsts: &Firsts<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let Job {
            call,
            command,
            respond,
            reply: _,
            span: _,
        } = job;
        if let Some(id) = &call.request_id {
            let here = self.by_id.get(id).and_then(|index| self.kept.get(*index));
            if let Some(first) = here.or_else(|| firsts.get(id)) {
                return resolve(call, first);
            }
        }
        let context = Context {
            now,
            actor: call.actor.clone(),
            request: match &call.request_id {
                Some(id) => id.clone(),
                // Without a key the revision identifies the cause: it is used once.
                None => RequestId::new(
                    "request_id",
                    &format!("revision-{}", self.state.revision() + 1),
                )?,
            },
        };
        // Nobody else has this state: what it shares with no other is changed in its place.
        let state = mem::replace(&mut self.state, self.base.clone());
        let mut untouched = None;
        let decided = guarded(|| {
            let decision = decide_onto(state, command, &context).map_err(|refused| {
                untouched = refused.untouched;
                refused.error
            })?;
            let response = respond(&decision)?;
            Ok((decision, response))
        });
        let (decision, response) = match decided {
            Ok(decided) => decided,
            Err(error) => {
                match untouched {
                    Some(state) => self.state = state,
                    None => self.fold_again(),
                }
                return Err(error);
            }
        };
        let Decision {
            next,
            events,
            outcome: _,
        } = decision;
        if let Some(id) = &call.request_id {
            self.by_id.insert(id.clone(), self.kept.len());
            self.kept.push(StoredRequest {
                request_id: id.clone(),
                method: call.method.to_owned(),
                fingerprint: call.fingerprint,
                response: response.clone(),
                revision: next.revision(),
                at: now,
            });
        }
        self.state = next;
        self.events.extend(events);
        Ok(response)
    }

    /// Makes the state anew, from the one that the first command was decided on.
    fn fold_again(&mut self) {
        self.state = self.base.clone();
        for event in &self.events {
            self.state
                .apply(event)
                .expect("what was folded once can be folded again");
        }
    }

    /// The answers to be kept, by their keys.
    pub(super) fn firsts(&self) -> HashMap<RequestId, StoredRequest> {
        let kept = self.kept.iter();
        kept.map(|first| (first.request_id.clone(), first.clone()))
            .collect()
    }

    /// Tells every caller, now that it is durable. What was refused and is found among the stored answers was a repetition.
    pub(super) fn answer(self, replays: &[StoredRequest]) {
        for (job, answer) in self.jobs.into_iter().zip(self.answers) {
            let id = job.call.request_id.as_ref();
            let first = id.and_then(|id| replays.iter().find(|first| first.request_id == *id));
            let answer = match (answer, first) {
                (Err(_), Some(first)) => resolve(&job.call, first),
                (answer, _) => answer,
            };
            job.answer(answer);
        }
    }

    /// Tells every caller that nothing is known to be written. What was refused anyway stays so.
    pub(super) fn refuse(self, error: &Error) {
        for (job, answer) in self.jobs.into_iter().zip(self.answers) {
            job.answer(answer.and_then(|_| Err(error.clone())));
        }
    }

    /// The commands, to be decided again.
    pub(super) fn into_jobs(self) -> Vec<Job> {
        self.jobs
    }
}

/// The answer of a call whose key is known: the first one, if it was the same call (E7).
pub(super) fn resolve(call: &Call, first: &StoredRequest) -> Result<Vec<u8>, Error> {
    if first.method == call.method && first.fingerprint == call.fingerprint {
        return Ok(first.response.clone());
    }
    Err(Error::Conflict {
        reason: ConflictReason::RequestIdReused,
        message: format!(
            "request_id `{}` was used for another call ({}): use a new one",
            first.request_id.as_str(),
            first.method
        ),
    })
}

/// Runs a pure function; a panic in it becomes an internal error, and nothing is half done.
pub(in crate::app) fn guarded<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let cause = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "unknown".to_owned());
        Err(Error::internal(format!("a decision panicked: {cause}")))
    })
}

#[cfg(test)]
mod tests {
    use echelon_domain::{
        NodeId, OrganizationId, command::Command, node::Level, profile::SettingsPatch,
    };
    use tokio::sync::oneshot;

    use super::*;
    use crate::app::writer::job::Respond;

    fn node(id: &str) -> NodeId {
        NodeId::new("node", id).unwrap()
    }

    fn job(command: Command, respond: Respond) -> Job {
        Job {
            call: Call {
                method: "CreateNode",
                request_id: None,
                fingerprint: 0,
                actor: None,
            },
            command,
            respond,
            reply: oneshot::channel().0,
            span: Span::none(),
        }
    }

    fn create(id: &str, respond: Respond) -> Job {
        let command = Command::CreateNode {
            id: node(id),
            parent: node("acme"),
            level: Level::new("level", "TEAM").unwrap(),
            display_name: None,
            representatives: Vec::new(),
        };
        job(command, respond)
    }

    #[test]
    fn what_is_refused_after_it_has_changed_something_leaves_nothing_behind() {
        let id = OrganizationId::new("organization", "acme").unwrap();
        let mut decided = Decided::on(Known {
            epoch: String::new(),
            state: Organization::empty(id),
        });
        let found = Command::CreateOrganization {
            display_name: "Acme".to_owned(),
            settings: SettingsPatch::default(),
            root: node("acme"),
            root_level: Level::new("level", "TRAIN").unwrap(),
        };
        let jobs = [
            job(found, Box::new(|_| Ok(Vec::new()))),
            create("team-1", Box::new(|_| Ok(Vec::new()))),
            create("team-2", Box::new(|_| Err(Error::internal("no answer")))),
            create("team-3", Box::new(|_| panic!("no answer"))),
            create("team-1", Box::new(|_| Ok(Vec::new()))),
            create("team-4", Box::new(|_| Ok(Vec::new()))),
        ];
        for job in jobs {
            let now = decided.state.time().max(Timestamp::from_micros(1));
            decided.decide(job, &Firsts::default(), now);
        }
        let answered: Vec<bool> = decided.answers.iter().map(Result::is_ok).collect();
        assert_eq!(answered, [true, true, false, false, false, true]);
        let mut nodes: Vec<&str> = decided
            .state
            .tree()
            .iter()
            .map(|node| node.id.as_str())
            .collect();
        nodes.sort_unstable();
        assert_eq!(nodes, ["acme", "team-1", "team-4"]);
        let mut folded = decided.base.clone();
        for event in &decided.events {
            folded.apply(event).unwrap();
        }
        assert_eq!(decided.state, folded);
        assert_eq!(decided.state.revision(), 3);
    }
}
