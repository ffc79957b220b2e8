//! The model: which steps a state allows.

use stateright::{Model, Property};

use crate::{
    fault::Fault,
    ledger::{History, Ledger},
    property::properties,
    state::{Action, Phase, Replica, State},
    story::{Call, Job},
};

/// Most commands of one open batch.
const BATCH: usize = 2;

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// The calls, each made by a client of its own at any time.
    pub calls: &'static [Call],
    /// How often the clock strikes.
    pub strokes: u8,
    /// The calls that are made once more if no answer has come, to any replica.
    pub repeated: &'static [Call],
    /// How often a replica dies.
    pub crashes: u8,
    /// How often a connection is lost while a batch is committed.
    pub losses: u8,
}

/// The protocol of writes.
pub struct Protocol {
    pub(crate) ledger: Ledger,
    pub(crate) scenario: Scenario,
    pub(crate) fault: Option<Fault>,
}

impl Protocol {
    /// The protocol as it is.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        Self {
            ledger: Ledger::new(),
            scenario,
            fault: None,
        }
    }

    /// The protocol, broken in one way.
    #[must_use]
    pub fn broken(scenario: Scenario, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::new(scenario)
        }
    }

    pub(crate) fn is_broken(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// The newest committed state.
    pub(crate) fn tail(&self, state: &State) -> History {
        state.log.last().copied().unwrap_or(self.ledger.genesis())
    }

    /// The jobs that may come to a replica now.
    fn jobs(&self, state: &State, replica: usize) -> impl Iterator<Item = Job> {
        let calls = self.scenario.calls.iter();
        let calls = calls
            .filter(|call| self.may_send(state, **call))
            .map(|call| Job::Call(*call));
        calls.chain(self.has_turn(state, replica).then_some(Job::Timers))
    }

    /// A client sends its call once, and perhaps again if no answer has come.
    fn may_send(&self, state: &State, call: Call) -> bool {
        let client = state.clients[call as usize];
        match client.sent {
            0 => true,
            1 => !client.is_answered && self.scenario.repeated.contains(&call),
            _ => false,
        }
    }

    /// True if the worker of a replica begins a turn: by what it knows something is due.
    pub(crate) fn has_turn(&self, state: &State, replica: usize) -> bool {
        let here = &state.replicas[replica];
        let mut jobs = here.jobs();
        here.is_up
            && !(self.is_broken(Fault::OneTimekeeper) && replica > 0)
            && !jobs.any(|taken| taken.job == Job::Timers)
            && self.ledger.is_due(here.known, state.stroke)
    }

    /// True if a replica at rest sees that the other one has written.
    pub(crate) fn is_outdated(&self, state: &State, replica: usize) -> bool {
        let here = &state.replicas[replica];
        here.is_up && here.is_idle() && here.known != self.tail(state)
    }

    fn actions_of(&self, state: &State, replica: usize, actions: &mut Vec<Action>) {
        let here = &state.replicas[replica];
        if !here.is_up {
            actions.push(Action::Restart(replica));
            return;
        }
        match &here.flight {
            None => {}
            Some(flight) => match flight.phase {
                Phase::Aloft if Self::looks(&flight.batch) => actions.push(Action::Look(replica)),
                Phase::Aloft | Phase::Looked | Phase::Locked => {
                    actions.push(Action::Commit(replica));
                    push_losses(state, replica, actions);
                }
                Phase::Committed | Phase::CommittedLocked => actions.push(Action::Land(replica)),
                Phase::Undone => actions.push(Action::Lock(replica)),
            },
        }
        let jobs: Vec<Job> = self.jobs(state, replica).collect();
        if may_decide(here) {
            actions.extend(jobs.iter().map(|job| Action::Take(replica, *job)));
            if here.is_idle() {
                let pairs = jobs
                    .iter()
                    .flat_map(|one| jobs.iter().map(move |two| (*one, *two)));
                let pairs = pairs.filter(|(one, two)| one != two);
                actions.extend(pairs.map(|(one, two)| Action::TakeTwo(replica, one, two)));
            }
        } else if here.is_idle() {
            actions.extend(jobs.iter().map(|job| Action::Await(replica, *job)));
        }
        if self.is_outdated(state, replica) {
            actions.push(Action::Refresh(replica));
        }
        push_crash(state, replica, actions);
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let genesis = self.ledger.genesis();
        vec![State {
            stroke: 0,
            log: Vec::new(),
            stored: Default::default(),
            lock: None,
            replicas: std::array::from_fn(|_| Replica::started(genesis, 0)),
            clients: Default::default(),
            crashes_left: self.scenario.crashes,
            losses_left: self.scenario.losses,
            findings: Default::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if let Some(owner) = state.lock {
            // Whatever else happens while the head is locked may as well have happened just before.
            actions.push(Action::Commit(owner));
            push_losses(state, owner, actions);
            push_crash(state, owner, actions);
            return;
        }
        for replica in 0..state.replicas.len() {
            self.actions_of(state, replica, actions);
        }
        if state.stroke < self.scenario.strokes {
            actions.push(Action::Strike);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.step(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }
}

fn may_decide(here: &Replica) -> bool {
    let has_room = here
        .open
        .as_ref()
        .is_none_or(|open| open.jobs.len() < BATCH);
    let is_locking = matches!(
        here.phase(),
        Some(Phase::Undone | Phase::Locked | Phase::CommittedLocked)
    );
    let begins = here.is_sure && !here.locks_first;
    has_room && !is_locking && (begins || !here.is_idle())
}

fn push_crash(state: &State, replica: usize, actions: &mut Vec<Action>) {
    if state.crashes_left > 0 {
        actions.push(Action::Crash(replica));
    }
}

fn push_losses(state: &State, replica: usize, actions: &mut Vec<Action>) {
    if state.losses_left > 0 {
        actions.push(Action::Lose(replica, true));
        actions.push(Action::Lose(replica, false));
    }
}
