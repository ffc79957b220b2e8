//! SIGKILL in the middle of many writes: what was acknowledged is there, what was not is there once or not at all, and
//! a retry gets the first answer.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use echelon_client::{Client, v1};
use echelon_testkit::{TestDatabase, on_both};
use prost::Message;
use tempfile::TempDir;
use tokio::sync::Notify;
use tonic::Status;

use super::daemon::{Daemon, check};

on_both!(e2_e3_e7_what_was_acknowledged_survives_sigkill);

/// After how many answers in each life the server is killed.
const LIVES: [usize; 5] = [1, 9, 33, 60, 90];
/// Callers that write at the same time.
const WRITERS: usize = 6;
const ACME: &str = "organizations/acme";
const TEAMS: [&str; 2] = ["checkout", "payments"];

async fn e2_e3_e7_what_was_acknowledged_survives_sigkill(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    for answers in LIVES {
        let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
        let client = daemon.client().await;
        apply(&client).await;
        let enough = Arc::new(Enough::new(answers));
        let lives = writers.into_iter().map(|writer| {
            let (client, enough) = (client.clone(), enough.clone());
            tokio::spawn(writer.live(client, enough))
        });
        let lives: Vec<_> = lives.collect();
        enough.reached.notified().await;
        daemon.kill().await;
        writers = Vec::with_capacity(WRITERS);
        for life in lives {
            writers.push(life.await.unwrap());
        }
    }
    let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
    let client = daemon.client().await;
    let mut raised = 0;
    for writer in &mut writers {
        writer.repeat(&client).await.unwrap();
        raised += writer.raised();
    }
    assert_eq!(titles(&client).await, expected(&writers));
    let root = v1::GetRollupRequest {
        node: format!("{ACME}/nodes/shop"),
        min_revision: 0,
    };
    let answer = client.rollups().get_rollup(root).await.unwrap();
    let figures = answer.into_inner().rollup.unwrap().figures.unwrap();
    assert_eq!(figures.raised_total, i64::try_from(raised).unwrap());
    assert_eq!(figures.raised_total, figures.open + figures.closed_total);
    daemon.stop().await;
    check(folder.path(), database.url()).await;
}

/// Counts answers, and tells when there are enough.
struct Enough {
    missing: AtomicUsize,
    reached: Notify,
}

impl Enough {
    fn new(missing: usize) -> Self {
        Self {
            missing: AtomicUsize::new(missing),
            reached: Notify::new(),
        }
    }

    fn count(&self) {
        if self.missing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.reached.notify_one();
        }
    }
}

/// One call, as it is sent every time.
#[derive(Clone)]
enum Call {
    Raise(Box<v1::RaiseBlockerRequest>),
    Comment(v1::CommentOnBlockerRequest),
    Escalate(v1::EscalateBlockerRequest),
    Resolve(v1::ResolveBlockerRequest),
}

/// A caller that remembers what it was told.
struct Writer {
    number: usize,
    /// Every call sent, with the answer if one came.
    calls: Vec<(Call, Option<Vec<u8>>)>,
    /// The blocker that it raised last.
    blocker: String,
}

impl Writer {
    const fn new(number: usize) -> Self {
        Self {
            number,
            calls: Vec::new(),
            blocker: String::new(),
        }
    }

    /// Repeats what it has sent, then writes until the server is gone.
    async fn live(mut self, client: Client, enough: Arc<Enough>) -> Self {
        if self.repeat(&client).await.is_err() {
            return self;
        }
        loop {
            let call = self.next();
            self.calls.push((call.clone(), None));
            let Ok(answer) = self.send(&client, call).await else {
                return self;
            };
            self.calls.last_mut().unwrap().1 = Some(answer);
            enough.count();
        }
    }

    /// Sends every call again; each must be answered as the first time. Errors: the server is gone.
    async fn repeat(&mut self, client: &Client) -> Result<(), Status> {
        for index in 0..self.calls.len() {
            let (call, first) = self.calls[index].clone();
            let answer = self.send(client, call).await?;
            if let Some(first) = first {
                assert_eq!(answer, first, "a retry got another answer");
            }
            self.calls[index].1 = Some(answer);
        }
        Ok(())
    }

    fn next(&self) -> Call {
        let index = self.calls.len();
        let request_id = format!("writer-{}-{index}", self.number);
        let name = self.blocker.clone();
        let etag = String::new();
        match index % 4 {
            0 => Call::Raise(Box::new(v1::RaiseBlockerRequest {
                parent: ACME.to_owned(),
                blocker: Some(v1::Blocker {
                    origin: format!("{ACME}/nodes/{}", TEAMS[self.number % TEAMS.len()]),
                    title: request_id.clone(),
                    ..v1::Blocker::default()
                }),
                anonymous: false,
                request_id,
            })),
            1 => Call::Comment(v1::CommentOnBlockerRequest {
                name,
                text: "Still there".to_owned(),
                request_id,
            }),
            2 => Call::Escalate(v1::EscalateBlockerRequest {
                name,
                to: String::new(),
                reason: "The team cannot solve it".to_owned(),
                etag,
                request_id,
            }),
            _ => Call::Resolve(v1::ResolveBlockerRequest {
                name,
                resolution: "Gone".to_owned(),
                etag,
                request_id,
            }),
        }
    }

    /// The encoded answer. Errors: the server is gone; every other refusal fails the test.
    async fn send(&mut self, client: &Client, call: Call) -> Result<Vec<u8>, Status> {
        let mut blockers = client.blockers();
        let answer = match call {
            Call::Raise(request) => blockers.raise_blocker(*request).await.map(|answer| {
                let answer = answer.into_inner();
                self.blocker = answer.blocker.as_ref().unwrap().name.clone();
                answer.encode_to_vec()
            }),
            Call::Comment(request) => encoded(blockers.comment_on_blocker(request).await),
            Call::Escalate(request) => encoded(blockers.escalate_blocker(request).await),
            Call::Resolve(request) => encoded(blockers.resolve_blocker(request).await),
        };
        if let Err(status) = &answer {
            // Whatever a server says has details; a connection that broke has none.
            assert!(status.details().is_empty(), "{status}");
        }
        answer
    }

    fn raised(&self) -> usize {
        let is_raise = |(call, _): &&(Call, _)| matches!(call, Call::Raise(_));
        self.calls.iter().filter(is_raise).count()
    }
}

fn encoded<T: Message>(answer: Result<tonic::Response<T>, Status>) -> Result<Vec<u8>, Status> {
    answer.map(|answer| answer.into_inner().encode_to_vec())
}

async fn apply(client: &Client) {
    let node = |id: &str, parent: &str, level: &str| v1::NodeDeclaration {
        id: id.to_owned(),
        parent: parent.to_owned(),
        level: level.to_owned(),
        ..v1::NodeDeclaration::default()
    };
    let request = v1::ApplyOrganizationRequest {
        name: ACME.to_owned(),
        nodes: vec![
            node("shop", "", "TRAIN"),
            node("buying", "shop", "SOS"),
            node("checkout", "buying", "TEAM"),
            node("payments", "buying", "TEAM"),
        ],
        request_id: "apply".to_owned(),
        ..v1::ApplyOrganizationRequest::default()
    };
    client
        .organizations()
        .apply_organization(request)
        .await
        .unwrap();
}

/// The titles of the blockers that the log says were raised, sorted: one that was raised twice is there twice (E3).
async fn titles(client: &Client) -> Vec<String> {
    let mut titles = Vec::new();
    let mut page_token = String::new();
    loop {
        let next = v1::ListEventsRequest {
            parent: ACME.to_owned(),
            page_size: 1_000,
            page_token,
            ..v1::ListEventsRequest::default()
        };
        let page = client
            .events()
            .list_events(next)
            .await
            .unwrap()
            .into_inner();
        for event in page.events {
            if let Some(v1::event::Payload::BlockerChanged(record)) = event.payload
                && record.change() == v1::BlockerChange::Raised
            {
                titles.push(record.content.unwrap().title);
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            titles.sort();
            return titles;
        }
    }
}

/// The titles of the blockers that were to be raised, sorted.
fn expected(writers: &[Writer]) -> Vec<String> {
    let calls = writers.iter().flat_map(|writer| &writer.calls);
    let mut titles: Vec<String> = calls
        .filter_map(|(call, _)| match call {
            Call::Raise(request) => Some(request.request_id.clone()),
            _ => None,
        })
        .collect();
    titles.sort();
    titles
}
