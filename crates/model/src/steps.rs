//! What each step does. The names are those of `crates/server/src/app/writer/`.

use crate::{
    audit::Guarantee,
    fault::Fault,
    ledger::{History, Verdict},
    protocol::Protocol,
    state::{Action, Answer, Batch, Client, Flight, Found, Phase, Recent, Replica, State, Taken},
    story::{Call, Job},
};

impl Protocol {
    /// The state after a step.
    pub(crate) fn step(&self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        match action {
            Action::Take(replica, job) => self.take(&mut next, replica, job),
            Action::Await(replica, job) => self.wait(&mut next, replica, job),
            Action::TakeTwo(replica, one, two) => {
                self.take(&mut next, replica, one);
                self.take(&mut next, replica, two);
            }
            Action::Look(replica) => self.look(&mut next, replica),
            Action::Commit(replica) => {
                self.commit(&mut next, replica);
            }
            Action::Lose(replica, is_committed) => self.lose(&mut next, replica, is_committed),
            Action::Land(replica) => self.land(&mut next, replica),
            Action::Lock(replica) => self.lock(&mut next, replica),
            Action::Refresh(replica) => self.follow(&mut next, replica),
            Action::Crash(replica) => {
                next.crashes_left -= 1;
                next.replicas[replica] = Replica::down(self.ledger.genesis());
                next.lock = next.lock.filter(|owner| *owner != replica);
            }
            Action::Restart(replica) => {
                next.replicas[replica] = Replica::started(self.tail(&next), next.log.len());
            }
            Action::Strike => next.stroke += 1,
        }
        for replica in 0..next.replicas.len() {
            self.take_off(&mut next, replica);
        }
        if next.log.len() != state.log.len() {
            next.findings.join(self.ledger.findings(&next.log));
        }
        watch(&mut next);
        if self.fault != Some(Fault::OneTimekeeper) {
            sort(&mut next);
        }
        next
    }

    /// Whether a batch must be looked up before it is written, or before its refusals are given.
    pub(crate) fn looks(batch: &Batch) -> bool {
        !batch.writes() || batch.jobs.iter().any(Taken::is_doubtful)
    }

    fn take(&self, state: &mut State, replica: usize, job: Job) {
        let (is_late, tail) = (send(state, job), self.tail(state));
        let here = &state.replicas[replica];
        // What is being written of the same call will be its first answer.
        let flying = here.flight.iter().flat_map(|flight| &flight.batch.jobs);
        let kept = flying.chain(here.open.iter().flat_map(|open| &open.jobs));
        let first = kept
            .rev()
            .find(|taken| taken.job == job && taken.is_kept())
            .filter(|_| !self.is_broken(Fault::NoRequestKey))
            .map(|taken| (taken.answer, Found::Here));
        let root = match &here.flight {
            Some(flight) if flight.phase == Phase::Committed => flight.batch.after(),
            Some(flight) => flight.batch.base,
            None => here.open.as_ref().map_or(here.known, |open| open.base),
        };
        let before = here
            .flight
            .as_ref()
            .map_or(here.known, |flight| flight.batch.after());
        let mut open = here.open.clone().unwrap_or(Batch {
            base: before,
            jobs: Vec::new(),
        });
        let mut taken = self.decide(job, open.after(), state.stroke, first);
        taken.is_late = is_late;
        taken.is_behind = root != tail;
        open.jobs.push(taken);
        state.replicas[replica].open = Some(open);
    }

    /// A job that is decided under the lock only.
    fn wait(&self, state: &mut State, replica: usize, job: Job) {
        let is_late = send(state, job);
        let here = &mut state.replicas[replica];
        here.locks_first = false;
        let waiting = Taken {
            job,
            answer: Answer::Refused,
            has_events: false,
            found: None,
            is_late,
            is_behind: false,
        };
        here.flight = Some(Flight {
            batch: Batch {
                base: here.known,
                jobs: vec![waiting],
            },
            phase: Phase::Undone,
        });
    }

    fn decide(&self, job: Job, on: History, stroke: u8, first: Option<(Answer, Found)>) -> Taken {
        let (answer, has_events) = match (first, self.ledger.decide(on, job, stroke)) {
            (Some((answer, _)), _) => (answer, false),
            (None, Verdict::Written(after)) => (Answer::Done(after), true),
            (None, Verdict::Unchanged) => (Answer::Done(on), false),
            (None, Verdict::Refused) => (Answer::Refused, false),
        };
        Taken {
            job,
            answer,
            has_events,
            found: first.map(|(_, found)| found),
            is_late: false,
            is_behind: false,
        }
    }

    /// A batch takes off when nothing flies.
    fn take_off(&self, state: &mut State, replica: usize) {
        let here = &mut state.replicas[replica];
        if here.flight.is_some() {
            return;
        }
        let Some(batch) = here.open.take() else {
            return;
        };
        if self.is_broken(Fault::EarlyFeed) {
            self.push(&mut here.recent, batch.written());
        }
        if self.is_broken(Fault::EarlyAnswer) {
            let jobs = batch.jobs.clone();
            answer(state, &jobs);
        }
        state.replicas[replica].flight = Some(Flight {
            batch,
            phase: Phase::Aloft,
        });
    }

    fn look(&self, state: &mut State, replica: usize) {
        let tail = self.tail(state);
        let Some(flight) = &mut state.replicas[replica].flight else {
            return;
        };
        let batch = &mut flight.batch;
        // What is refused must be so by the newest state, also where nothing is written that would prove it.
        let is_stale = batch.base != tail && !self.is_broken(Fault::StaleRefusal);
        if !batch.writes() && is_stale {
            flight.phase = Phase::Undone;
            state.replicas[replica].locks_first = true;
            return;
        }
        for taken in &mut batch.jobs {
            if taken.is_doubtful()
                && !self.is_broken(Fault::UnseenRefusal)
                && let Some(first) = stored(&state.stored, taken.job)
            {
                taken.answer = Answer::Done(first);
                taken.found = Some(Found::ByLook);
            }
        }
        flight.phase = if batch.writes() {
            Phase::Looked
        } else {
            Phase::Committed
        };
    }

    /// Writes a batch if the head is where it was decided and no answer of it is there yet. Whether it was written.
    fn commit(&self, state: &mut State, replica: usize) -> bool {
        let tail = self.tail(state);
        let Some(flight) = &mut state.replicas[replica].flight else {
            return false;
        };
        let batch = &flight.batch;
        if flight.phase == Phase::Locked {
            state.lock = None;
            flight.phase = Phase::CommittedLocked;
        } else {
            let is_stale = batch.base != tail && !self.is_broken(Fault::BlindCommit);
            let is_known = batch
                .jobs
                .iter()
                .any(|taken| taken.is_kept() && stored(&state.stored, taken.job).is_some());
            if batch.writes() && (is_stale || is_known && !self.is_broken(Fault::NoRequestKey)) {
                flight.phase = Phase::Undone;
                state.replicas[replica].locks_first |= is_stale;
                return false;
            }
            flight.phase = Phase::Committed;
        }
        state.log.extend(batch.written());
        for taken in batch.jobs.iter().filter(|taken| taken.is_kept()) {
            if let (Job::Call(call), Answer::Done(history)) = (taken.job, taken.answer) {
                state.stored[call as usize].get_or_insert(history);
            }
        }
        true
    }

    /// The database may or may not have committed: what it holds is read before the next batch.
    fn lose(&self, state: &mut State, replica: usize, is_committed: bool) {
        state.losses_left -= 1;
        if is_committed {
            // If it was undone, that is not known either.
            self.commit(state, replica);
        }
        state.lock = state.lock.filter(|owner| *owner != replica);
        let here = &mut state.replicas[replica];
        here.is_sure = false;
        here.flight = here.open.take().map(|batch| Flight {
            batch,
            phase: Phase::Undone,
        });
    }

    fn land(&self, state: &mut State, replica: usize) {
        let here = &mut state.replicas[replica];
        let Some(Flight { batch, .. }) = here.flight.take() else {
            return;
        };
        here.known = batch.after();
        here.is_sure = true;
        if !self.is_broken(Fault::EarlyFeed) {
            self.push(&mut here.recent, batch.written());
        }
        if !self.is_broken(Fault::EarlyAnswer) {
            answer(state, &batch.jobs);
        }
    }

    fn lock(&self, state: &mut State, replica: usize) {
        if !self.is_broken(Fault::NothingFollowed) {
            self.follow(state, replica);
        }
        let tail = self.tail(state);
        let here = &mut state.replicas[replica];
        let mut jobs: Vec<Taken> = here.jobs().copied().collect();
        here.open = None;
        let mut batch = Batch {
            base: here.known,
            jobs: Vec::new(),
        };
        for before in jobs.drain(..) {
            let here = batch
                .jobs
                .iter()
                .find(|taken| taken.job == before.job && taken.is_kept());
            let first = here
                .map(|taken| (taken.answer, Found::Here))
                .or_else(|| {
                    let first = stored(&state.stored, before.job)?;
                    Some((Answer::Done(first), Found::UnderLock))
                })
                .filter(|_| !self.is_broken(Fault::NoRequestKey));
            let mut taken = self.decide(before.job, batch.after(), state.stroke, first);
            taken.is_late = before.is_late;
            taken.is_behind = batch.base != tail;
            batch.jobs.push(taken);
        }
        state.lock = Some(replica);
        state.replicas[replica].flight = Some(Flight {
            batch,
            phase: Phase::Locked,
        });
    }

    /// Takes over what the other replica wrote. That the events give the very state is found by the audit of the log.
    fn follow(&self, state: &mut State, replica: usize) {
        let tail = self.tail(state);
        let State { log, replicas, .. } = state;
        let here = &mut replicas[replica];
        let genesis = self.ledger.genesis();
        let from = log.iter().position(|history| *history == here.known);
        let from = from.map(|index| index + 1);
        match from.or((here.known == genesis).then_some(0)) {
            Some(from) if here.is_sure => {
                if !self.is_broken(Fault::GapInTheFeed) {
                    self.push(&mut here.recent, log[from..].iter().copied());
                }
            }
            // It loads.
            _ => here.recent = Recent::behind(log.len()),
        }
        here.known = tail;
        here.is_sure = true;
    }

    /// Adds what was committed after the newest revision at hand. A gap makes it begin anew behind the gap.
    fn push(&self, recent: &mut Recent, revisions: impl Iterator<Item = History>) {
        for history in revisions {
            let number = usize::from(history.number);
            let has_gap = recent.newest + 1 != number;
            if has_gap && !self.is_broken(Fault::GapInTheFeed) {
                *recent = Recent::behind(number - 1);
            }
            recent.revisions.push(history);
            recent.newest = number;
        }
    }
}

/// E10: wherever a watcher is, what any replica gives it next is what follows in the log, whole revisions in order.
/// So it sees the log, also if it goes on at another replica after a crash.
fn watch(state: &mut State) {
    let log = &state.log;
    let is_right = state.replicas.iter().all(|here| {
        let recent = &here.recent;
        (recent.after..=recent.newest.min(log.len())).all(|seen| {
            let given = &recent.revisions;
            let start = given.partition_point(|history| usize::from(history.number) <= seen);
            log[seen..].starts_with(&given[start..])
        })
    });
    if !is_right {
        state.findings.add(Guarantee::Watched);
    }
}

/// Replicas are alike: which is which makes no other state.
fn sort(state: &mut State) {
    if !state.replicas.is_sorted() {
        state.replicas.reverse();
        state.lock = state.lock.map(|owner| state.replicas.len() - 1 - owner);
    }
}

/// A client sends its call. Whether its first answer is stored already.
fn send(state: &mut State, job: Job) -> bool {
    let Job::Call(call) = job else { return false };
    state.clients[call as usize].sent += 1;
    state.stored[call as usize].is_some()
}

fn stored(stored: &[Option<History>; Call::ALL.len()], job: Job) -> Option<History> {
    match job {
        Job::Call(call) => stored[call as usize],
        Job::Timers => None,
    }
}

/// Tells the callers, and judges what they are told.
fn answer(state: &mut State, jobs: &[Taken]) {
    for taken in jobs {
        let Job::Call(call) = taken.job else { continue };
        let Client { is_answered, .. } = &mut state.clients[call as usize];
        *is_answered = true;
        let broken = match (taken.answer, state.stored[call as usize]) {
            // It is told that it was done, and it was not.
            (Answer::Done(_), None) => Some(Guarantee::NothingLost),
            (Answer::Done(told), Some(first)) => (told != first).then_some(Guarantee::Idempotent),
            // It is told that it was refused, and it had been done before it asked.
            (Answer::Refused, _) if taken.is_late => Some(Guarantee::Idempotent),
            // It is refused by a state that was history before it asked.
            (Answer::Refused, _) => taken.is_behind.then_some(Guarantee::NoStaleMoves),
        };
        if let Some(broken) = broken {
            state.findings.add(broken);
        }
    }
}
