//! A client: it follows the plan, sends every call until it is answered, with the same key, and writes down what it was
//! told.

mod choose;
mod known;
mod read;
mod request;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use echelon_api::v1;
use echelon_client::{Client, Options};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tonic::Code;

use crate::{
    plan::{Plan, shape, step::Action},
    record::{Attempt, Call, Foretold, Outcome, SeenRead, SeenRollup, SeenTime},
    site::{Site, machine_us},
    stall::Patience,
};

pub(crate) use choose::declared;
pub(crate) use known::Known;
pub(crate) use read::seen;
pub(crate) use request::Request;

/// How long a client waits for an answer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);
/// How much longer it waits for its own transport to notice that.
const GRACE: Duration = Duration::from_millis(500);
/// The wait before the second attempt, doubled from one to the next.
const FIRST_DELAY: Duration = Duration::from_millis(40);
/// The longest wait.
const MAX_DELAY: Duration = Duration::from_millis(400);
/// After how many attempts at one replica a client tries another, whatever the plan says.
const LOYALTY: u32 = 4;
/// How long a call may stay unanswered once every fault is over.
const PATIENCE: Duration = Duration::from_secs(45);
/// How many calls back a client reaches to send one again.
const RECALLED: usize = 60;

/// Connections to every replica, through its proxy.
#[derive(Clone)]
pub(crate) struct Links {
    clients: Vec<Client>,
}

impl Links {
    /// Connects when it is first used.
    ///
    /// # Errors
    /// If an address is none.
    pub(crate) fn new(site: &Site) -> Result<Self> {
        let clients = site.replicas.iter().map(|replica| {
            Client::connect_lazy(Options {
                addresses: vec![format!("http://{}", replica.clients.address())],
                deadline: DEADLINE,
                connect_timeout: DEADLINE,
                ..Options::default()
            })
        });
        Ok(Self {
            clients: clients.collect::<Result<_, _>>()?,
        })
    }

    /// The one to a replica, whatever number a plan has drawn.
    #[must_use]
    pub(crate) fn to(&self, replica: usize) -> &Client {
        &self.clients[replica % self.clients.len()]
    }

    /// How many there are.
    #[must_use]
    pub(crate) const fn count(&self) -> usize {
        self.clients.len()
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Clients work, and things go wrong.
    Load,
    /// Every fault is over, and clients finish what they have begun.
    Over,
}

/// What a client brings home.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Its calls.
    pub(crate) calls: Vec<Call>,
    /// Its reads of roll-ups.
    pub(crate) rollups: Vec<SeenRollup>,
    /// Its reads that asked for a revision.
    pub(crate) reads: Vec<SeenRead>,
    /// What it was foretold.
    pub(crate) foretold: Vec<Foretold>,
    /// As of when it was told things.
    pub(crate) times: Vec<SeenTime>,
}

/// A client at work.
pub(crate) struct Worker {
    site: Arc<Site>,
    known: Arc<Known>,
    links: Links,
    number: usize,
    told: Told,
    /// The requests of its calls, to be sent again.
    sent: Vec<Request>,
    /// The newest revision that it was told in a history.
    seen: (usize, i64),
    /// When the load and every fault are over.
    ended: watch::Receiver<Phase>,
}

impl Worker {
    /// A client that has done nothing yet.
    ///
    /// # Errors
    /// If it cannot connect anywhere.
    pub(crate) fn new(
        site: Arc<Site>,
        known: Arc<Known>,
        number: usize,
        ended: watch::Receiver<Phase>,
    ) -> Result<Self> {
        Ok(Self {
            links: Links::new(&site)?,
            site,
            known,
            number,
            told: Told::default(),
            sent: Vec::new(),
            seen: (0, 0),
            ended,
        })
    }

    /// Follows the plan until the end.
    pub(crate) async fn work(mut self, plan: Arc<Plan>) -> Told {
        for number in 0.. {
            let step = plan.step(self.number, number);
            let mut ended = self.ended.clone();
            tokio::select! {
                _ = ended.wait_for(|phase| *phase == Phase::Over) => break,
                () = sleep(step.pause) => {}
            }
            let replica = usize::try_from(step.replica % 64).unwrap_or(0);
            if let Action::Read { what, on } = step.action {
                self.read(&plan, what, on, replica).await;
                continue;
            }
            let id = format!("{}-{}-{number}", plan.seed, self.number);
            self.known.enter(self.site.history());
            let now_us = self.site.servers_us();
            let chosen = choose::request(&plan, &self.known, step.action, &id, now_us);
            let Some(request) = chosen else {
                continue;
            };
            self.call(request, &id, replica, step.roams).await;
            if step.repeats {
                self.repeat(self.sent.len() - 1, replica + 1).await;
            }
            if let Some(choice) = step.recalls {
                let reach = self.sent.len().min(RECALLED);
                let back = usize::try_from(choice).unwrap_or(0) % reach.max(1);
                self.repeat(self.sent.len() - 1 - back, replica).await;
            }
        }
        self.told
    }

    /// Sends a call until it is answered or refused, or nobody answers though every fault is over.
    pub(crate) async fn call(&mut self, request: Request, id: &str, replica: usize, roams: bool) {
        self.told.calls.push(Call {
            client: self.number,
            method: request.method(),
            request_id: id.to_owned(),
            about: request.about(),
            attempts: Vec::new(),
        });
        self.sent.push(request);
        let index = self.sent.len() - 1;
        let mut delay = FIRST_DELAY;
        let mut at = replica;
        let mut patience = None;
        for attempt in 1_u32.. {
            if !matches!(self.attempt(index, at).await, Outcome::Lost { .. }) {
                return;
            }
            if *self.ended.borrow() == Phase::Over {
                patience.get_or_insert_with(|| Patience::new(&self.site, PATIENCE));
            }
            if patience
                .as_ref()
                .is_some_and(|patience| patience.is_over(&self.site))
            {
                let call = &self.told.calls[index];
                self.site.complain(format!(
                    "{} {} is not answered {PATIENCE:?} after every fault has ended",
                    call.method, call.request_id
                ));
                return;
            }
            sleep(delay).await;
            delay = (delay * 2).min(MAX_DELAY);
            if roams || attempt % LOYALTY == 0 {
                at += 1;
            }
        }
    }

    /// Sends a call that was answered once more: it must get the same answer.
    async fn repeat(&mut self, index: usize, replica: usize) {
        let history = self.site.history();
        if self.told.calls[index].answer(history).is_some() {
            self.attempt(index, replica).await;
        }
    }

    async fn attempt(&mut self, index: usize, replica: usize) -> Outcome {
        self.site.passable().await;
        let history = self.site.history();
        let sent_us = machine_us();
        let request = self.sent[index].clone();
        let id = self.told.calls[index].request_id.clone();
        let sending = request.send(self.links.to(replica), &id);
        let outcome = match timeout(DEADLINE + GRACE, sending).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Lost {
                cause: "no answer came in time".to_owned(),
            },
        };
        if let Outcome::Lost { cause } = &outcome
            && cause.starts_with("INTERNAL")
        {
            self.site
                .complain(format!("{} {id}: {cause}", request.method()));
        }
        if let Outcome::Answered(answer) = &outcome {
            self.see(history, answer.revision);
            self.known.learn(&request, answer);
        }
        self.told.calls[index].attempts.push(Attempt {
            history,
            replica: replica % self.links.count(),
            sent_us,
            ended_us: machine_us(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Notes a revision of a history.
    fn see(&mut self, history: usize, revision: i64) {
        self.seen = match self.seen {
            (known, newest) if known == history => (history, newest.max(revision)),
            _ => (history, revision),
        };
    }

    /// The newest revision that it was told of the history that goes on.
    fn newest(&self) -> i64 {
        let (history, revision) = self.seen;
        if history == self.site.history() {
            revision
        } else {
            0
        }
    }

    /// What it was told.
    #[must_use]
    pub(crate) fn finish(self) -> Told {
        self.told
    }
}

/// Whether a server takes a write now. It is asked directly, past its proxy.
pub(crate) async fn probe(site: &Site, number: usize) -> bool {
    let address = {
        let Ok(daemon) = site.replica(number).daemon.try_lock() else {
            return false;
        };
        match &*daemon {
            Some(daemon) => daemon.address(),
            None => return false,
        }
    };
    let asking = async {
        let client = Client::connect(Options {
            addresses: vec![format!("http://{address}")],
            deadline: DEADLINE,
            connect_timeout: DEADLINE,
            ..Options::default()
        })
        .await
        .ok()?;
        let request = v1::ApplyOrganizationRequest {
            request_id: format!("probe-{}", machine_us()),
            ..declared(&crate::plan::Shape { places: Vec::new() })
        };
        // A tree without nodes is refused by the one who decides, under the lock.
        let answer = client.organizations().apply_organization(request).await;
        let code = answer.err()?.code();
        matches!(code, Code::InvalidArgument | Code::FailedPrecondition).then_some(())
    };
    matches!(timeout(DEADLINE, asking).await, Ok(Some(())))
}

/// Resource name of the organization.
#[must_use]
pub(crate) fn organization() -> String {
    format!("organizations/{}", shape::ORGANIZATION)
}

/// Resource name of a node.
#[must_use]
pub(crate) fn node(id: &str) -> String {
    format!("{}/nodes/{id}", organization())
}
