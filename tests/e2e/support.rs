//! What the tests have in common: a sample organization, and short ways to call a server.

pub(crate) mod asks;
pub(crate) mod dice;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod refusal;
pub(crate) mod rpc;
pub(crate) mod rules;
pub(crate) mod sample;

use std::{future::Future, time::Duration};

use echelon_api::v1::{self, event_service_client::EventServiceClient};
use echelon_domain::Timestamp;
use echelon_testkit::TestServer;
use tokio::time::timeout;
use tonic::{Request, Status, Streaming, transport::Channel};

use rpc::Rpc;

/// A minute.
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// An hour.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// A day.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An organization, as one of its callers sees it through one server.
#[derive(Clone, Debug)]
pub(crate) struct Org {
    channel: Channel,
    id: String,
    actor: Option<String>,
}

impl Org {
    /// The sample organization, made on a server.
    pub(crate) async fn set_up(server: &TestServer) -> Self {
        let org = Self::named(server, "acme");
        org.apply_sample().await;
        org
    }

    /// An organization of that name, whether it is there or not.
    pub(crate) fn named(server: &TestServer, id: &str) -> Self {
        Self::over(server.channel(), id)
    }

    /// An organization over any connection.
    pub(crate) fn over(channel: Channel, id: &str) -> Self {
        Self {
            channel,
            id: id.to_owned(),
            actor: None,
        }
    }

    /// Makes it the sample organization.
    pub(crate) async fn apply_sample(&self) {
        self.ok(v1::ApplyOrganizationRequest {
            name: self.name(),
            display_name: "Acme".to_owned(),
            nodes: sample::declarations(),
            ..Default::default()
        })
        .await;
    }

    /// The same organization through another server.
    pub(crate) fn through(&self, server: &TestServer) -> Self {
        Self {
            channel: server.channel(),
            ..self.clone()
        }
    }

    /// The same organization, somebody calling.
    pub(crate) fn acting(&self, actor: &str) -> Self {
        Self {
            actor: Some(actor.to_owned()),
            ..self.clone()
        }
    }

    /// The connection.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Calls a method.
    pub(crate) async fn call<R: Rpc>(&self, request: R) -> Result<R::Answer, Status> {
        let mut request = Request::new(request);
        if let Some(actor) = &self.actor {
            let actor = actor.parse().expect("an actor is ASCII");
            request.metadata_mut().insert("echelon-actor", actor);
        }
        let answer = soon(R::send(request, self.channel.clone())).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Calls a method that must succeed.
    pub(crate) async fn ok<R: Rpc>(&self, request: R) -> R::Answer {
        let told = format!("{request:?}");
        self.call(request)
            .await
            .unwrap_or_else(|status| panic!("{told} is refused: {status:?}"))
    }

    /// Its resource name.
    pub(crate) fn name(&self) -> String {
        format!("organizations/{}", self.id)
    }

    /// Resource name of a node.
    pub(crate) fn node(&self, id: &str) -> String {
        format!("organizations/{}/nodes/{id}", self.id)
    }

    /// Resource name of a blocker.
    pub(crate) fn blocker(&self, number: usize) -> String {
        format!("organizations/{}/blockers/B-{number}", self.id)
    }

    /// Resource name of a policy.
    pub(crate) fn policy(&self, id: &str) -> String {
        format!("organizations/{}/policies/{id}", self.id)
    }

    /// Raises a blocker.
    pub(crate) async fn raise(&self, origin: &str, title: &str) -> v1::Blocker {
        self.raise_with(v1::Blocker {
            origin: self.node(origin),
            title: title.to_owned(),
            ..Default::default()
        })
        .await
    }

    /// Raises a blocker of that severity.
    pub(crate) async fn raise_as(&self, origin: &str, severity: v1::Severity) -> v1::Blocker {
        self.raise_with(v1::Blocker {
            origin: self.node(origin),
            title: format!("{} at {origin}", severity.as_str_name()),
            severity: severity.into(),
            ..Default::default()
        })
        .await
    }

    /// Raises a described blocker.
    pub(crate) async fn raise_with(&self, blocker: v1::Blocker) -> v1::Blocker {
        let request = v1::RaiseBlockerRequest {
            parent: self.name(),
            blocker: Some(blocker),
            ..Default::default()
        };
        let raised = self.ok(request).await;
        raised.blocker.expect("a raise answers with the blocker")
    }

    /// Raises many blockers at one node, at once: they share transactions.
    pub(crate) async fn raise_many(&self, origin: &str, count: usize) {
        let raised = (0..count).map(|number| {
            let (org, origin) = (self.clone(), origin.to_owned());
            async move { org.raise(&origin, &format!("number {number}")).await }
        });
        together(raised).await;
    }

    /// Reads a blocker by its resource name.
    pub(crate) async fn get(&self, blocker: &str) -> v1::Blocker {
        let name = blocker.to_owned();
        let found = self
            .ok(v1::GetBlockerRequest {
                name,
                ..Default::default()
            })
            .await;
        found.blocker.expect("a blocker that is found is there")
    }

    /// Explains a blocker.
    pub(crate) async fn explain(&self, blocker: &str) -> v1::ExplainBlockerResponse {
        let name = blocker.to_owned();
        self.ok(v1::ExplainBlockerRequest {
            name,
            ..Default::default()
        })
        .await
    }

    /// Resolves a blocker.
    pub(crate) async fn resolve(&self, blocker: &str) -> v1::Blocker {
        let resolved = self
            .ok(v1::ResolveBlockerRequest {
                name: blocker.to_owned(),
                resolution: "it works".to_owned(),
                ..Default::default()
            })
            .await;
        resolved.blocker.expect("a change answers with the blocker")
    }

    /// Opens a meeting of a node.
    pub(crate) async fn open(&self, node: &str) -> v1::Meeting {
        let request = v1::OpenMeetingRequest {
            node: self.node(node),
            ..Default::default()
        };
        let opened = self.ok(request).await;
        opened.meeting.expect("an opening answers with the meeting")
    }

    /// Closes a meeting.
    pub(crate) async fn close(&self, meeting: &str) -> v1::Meeting {
        let request = v1::CloseMeetingRequest {
            name: meeting.to_owned(),
            ..Default::default()
        };
        let closed = self.ok(request).await;
        closed.meeting.expect("a close answers with the meeting")
    }

    /// Holds a meeting of a node: opens it and closes it.
    pub(crate) async fn meet(&self, node: &str) -> v1::Meeting {
        let open = self.open(node).await;
        self.close(&open.name).await
    }

    /// The roll-up of a node.
    pub(crate) async fn rollup(&self, node: &str) -> v1::Rollup {
        let request = v1::GetRollupRequest {
            node: self.node(node),
            min_revision: 0,
        };
        let rolled_up = self.ok(request).await;
        rolled_up.rollup.expect("a roll-up is there")
    }

    /// The figures of a node.
    pub(crate) async fn figures(&self, node: &str) -> v1::RollupFigures {
        let rollup = self.rollup(node).await;
        rollup.figures.expect("a roll-up has figures")
    }

    /// Reads a node.
    pub(crate) async fn get_node(&self, id: &str) -> v1::Node {
        let name = self.node(id);
        let found = self
            .ok(v1::GetNodeRequest {
                name,
                ..Default::default()
            })
            .await;
        found.node.expect("a node that is found is there")
    }

    /// Its newest revision.
    pub(crate) async fn revision(&self) -> i64 {
        let name = self.name();
        self.ok(v1::GetOrganizationRequest {
            name,
            ..Default::default()
        })
        .await
        .revision
    }

    /// Every event so far.
    pub(crate) async fn events(&self) -> Vec<v1::Event> {
        self.events_after(0).await
    }

    /// Every event after a revision.
    pub(crate) async fn events_after(&self, after_revision: i64) -> Vec<v1::Event> {
        let mut request = v1::ListEventsRequest {
            parent: self.name(),
            after_revision,
            page_size: 1000,
            ..Default::default()
        };
        let mut events = Vec::new();
        loop {
            let page = self.ok(request.clone()).await;
            events.extend(page.events);
            if page.next_page_token.is_empty() {
                return events;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Watches its events from a resume token on; without one, from now on.
    pub(crate) async fn watch(&self, resume_token: String) -> Streaming<v1::WatchEventsResponse> {
        self.watch_with(v1::WatchEventsRequest {
            parent: self.name(),
            resume_token,
            ..Default::default()
        })
        .await
        .expect("the watch is accepted")
    }

    /// Asks for a watch of events.
    pub(crate) async fn watch_with(
        &self,
        request: v1::WatchEventsRequest,
    ) -> Result<Streaming<v1::WatchEventsResponse>, Status> {
        let mut events = EventServiceClient::new(self.channel.clone());
        let answer = soon(events.watch_events(request)).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Makes the server that is called catch up with what others wrote, by a change that changes nothing.
    pub(crate) async fn touch(&self) {
        let organization = v1::Organization {
            name: self.name(),
            ..Default::default()
        };
        self.ok(v1::UpdateOrganizationRequest {
            organization: Some(organization),
            ..Default::default()
        })
        .await;
    }
}

/// The end of a resource name: the id.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A span as the API has it.
pub(crate) fn span(span: Duration) -> Option<prost_types::Duration> {
    Some(span.try_into().expect("a test's span is short"))
}

/// An instant as the API has it.
pub(crate) fn at(time: Timestamp) -> Option<prost_types::Timestamp> {
    Some(echelon_api::convert::time::timestamp(time))
}

/// The time now, and a span more, as the API has it.
pub(crate) fn later(server: &TestServer, span: Duration) -> Option<prost_types::Timestamp> {
    at(server.app().now().plus(span))
}

/// A mask of these fields.
pub(crate) fn mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    })
}

/// Advances the clock up to an instant.
pub(crate) fn advance_to(server: &TestServer, time: Timestamp) {
    server.advance(time.since(server.app().now()));
}

/// Waits for what must come soon.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .expect("what the test waits for does not come")
}

/// Runs futures at once, and gives what came of them in their order.
pub(crate) async fn together<T: Send + 'static>(
    futures: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(soon(task).await.expect("no task panics"));
    }
    done
}

/// Checks the server's database against E1, E2 and E9.
pub(crate) async fn assert_sound(server: &TestServer) {
    let findings = echelon_server::check::check_all(server.app().store()).await;
    for finding in findings.expect("the database can be read") {
        assert_eq!(finding.violations, [], "{}", finding.organization);
    }
}
