//! A server for a test: a real one, on a real port of the loopback address, with a clock that the test moves.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use echelon_api::v1::{
    blocker_service_client::BlockerServiceClient,
    escalation_policy_service_client::EscalationPolicyServiceClient,
    event_service_client::EventServiceClient, meeting_service_client::MeetingServiceClient,
    node_service_client::NodeServiceClient, organization_service_client::OrganizationServiceClient,
    rollup_service_client::RollupServiceClient,
};
use echelon_domain::{OrganizationId, Timestamp};
use echelon_server::{
    Background, Running, Server,
    app::{App, Audited},
    clock::{Clock, ManualClock},
    config::Config,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::TestDatabase;

/// Where a test's clock stands at first: a Monday morning, 2026-11-02T08:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_793_606_400_000_000);
/// How long a server that is killed may take to let go of its files.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// A server that belongs to one test. It has a runtime of its own, so that [`TestServer::kill`] ends it as abruptly as
/// a signal would: connections, writers and watches at once, in the middle of whatever they do.
pub struct TestServer {
    runtime: Option<Runtime>,
    running: Option<Running>,
    address: SocketAddr,
    http_address: SocketAddr,
    channel: Channel,
    clock: ManualClock,
    shutdown: CancellationToken,
}

impl TestServer {
    /// A server on the database, whose clock stands at [`START`]. Nothing runs by time: see
    /// [`TestServer::pass_timers`]. Several servers on one PostgreSQL database are replicas. Panics if it does not start.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, ManualClock::new(START), |_| {}).await
    }

    /// A server whose clock is shared, and whose settings are changed from the defaults. Panics if it does not start.
    pub async fn start_with(
        database: &TestDatabase,
        clock: ManualClock,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            database: database.url().to_owned(),
            max_connections: 4,
            ..Config::default()
        };
        change(&mut config);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::new(config, clock, any)
            .await
            .unwrap_or_else(|error| panic!("a test's server does not start: {error:#}"))
    }

    /// A server where another one was: for clients that wait for it to come back. Panics if it does not start.
    pub async fn start_at(
        database: &TestDatabase,
        clock: ManualClock,
        address: SocketAddr,
    ) -> Self {
        let config = Config {
            database: database.url().to_owned(),
            max_connections: 4,
            ..Config::default()
        };
        Self::new(config, clock, address)
            .await
            .unwrap_or_else(|error| panic!("a test's server does not start again: {error:#}"))
    }

    async fn new(config: Config, clock: ManualClock, address: SocketAddr) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("test-server")
            .enable_all()
            .build()?;
        let shutdown = CancellationToken::new();
        let starting = {
            let clock = Clock::Manual(clock.clone());
            let shutdown = shutdown.clone();
            async move {
                let server = Server {
                    config,
                    listener: TcpListener::bind(address).await?,
                    http_listener: Some(TcpListener::bind("127.0.0.1:0").await?),
                    clock,
                    shutdown,
                    background: Background::ByHand,
                };
                anyhow::Ok(server.start().await?)
            }
        };
        let started = runtime.spawn(starting).await;
        let running = match started
            .context("the start panicked")
            .and_then(|started| started)
        {
            Ok(running) => running,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let address = running.address();
        Ok(Self {
            address,
            http_address: running
                .http_address()
                .context("the server has no second port")?,
            channel: Endpoint::from_shared(format!("http://{address}"))?.connect_lazy(),
            running: Some(running),
            runtime: Some(runtime),
            clock,
            shutdown,
        })
    }

    /// Where it serves gRPC.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves `/healthz`, `/readyz` and `/metrics`.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Its application: for what no client can ask, such as the number of SQL statements. Only for calls that start
    /// nothing: the server's tasks belong on its own runtime.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        self.running().app()
    }

    /// SQL statements that it has sent to its database so far.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.app().store().statements()
    }

    /// Its clock.
    #[must_use]
    pub const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Moves its clock. Nothing happens by that: see [`TestServer::pass_timers`].
    pub fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Does what the workers would do now: passes every timer that is due, until none is. Returns how many blockers
    /// were looked at. Panics if the database fails.
    pub async fn pass_timers(&self) -> usize {
        let app = self.app().clone();
        self.runtime()
            .spawn(async move { app.pass_timers_until_idle().await })
            .await
            .expect("passing timers does not panic")
            .unwrap_or_else(|error| panic!("passing timers failed: {error}"))
    }

    /// Audits the counters of an organization, as the workers do now and then. Panics if that fails.
    pub async fn audit(&self, organization: &str) -> Audited {
        let id = OrganizationId::new("organization", organization).expect("a test's id is good");
        let app = self.app().clone();
        self.runtime()
            .spawn(async move { app.audit(&id).await })
            .await
            .expect("an audit does not panic")
            .unwrap_or_else(|error| panic!("the audit failed: {error}"))
    }

    /// Folds the counters of an organization, as the workers do once it has grown. Panics if that fails.
    pub async fn fold(&self, organization: &str) -> usize {
        let id = OrganizationId::new("organization", organization).expect("a test's id is good");
        let store = self.app().store().clone();
        self.runtime()
            .spawn(async move { store.fold_counters(&id).await })
            .await
            .expect("a fold does not panic")
            .unwrap_or_else(|error| panic!("the fold failed: {error}"))
    }

    /// Moves its clock and does what the workers would do then.
    pub async fn advance_and_pass(&self, span: Duration) -> usize {
        self.advance(span);
        self.pass_timers().await
    }

    /// A connection to it, shared by all that ask for one.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Client of the organizations.
    #[must_use]
    pub fn organizations(&self) -> OrganizationServiceClient<Channel> {
        OrganizationServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the nodes.
    #[must_use]
    pub fn nodes(&self) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the blockers.
    #[must_use]
    pub fn blockers(&self) -> BlockerServiceClient<Channel> {
        BlockerServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the meetings.
    #[must_use]
    pub fn meetings(&self) -> MeetingServiceClient<Channel> {
        MeetingServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the escalation policies.
    #[must_use]
    pub fn policies(&self) -> EscalationPolicyServiceClient<Channel> {
        EscalationPolicyServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the roll-ups.
    #[must_use]
    pub fn rollups(&self) -> RollupServiceClient<Channel> {
        RollupServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Client of the events.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel()).max_decoding_message_size(usize::MAX)
    }

    /// Tells it to shut down, as a signal would, without waiting.
    pub fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Shuts it down in good order and waits for its end. Panics if that fails.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running
                .wait()
                .await
                .unwrap_or_else(|error| panic!("the server did not shut down well: {error}"));
        }
        self.end().await;
    }

    /// Ends it at once, as SIGKILL would, and waits until its files are free.
    pub async fn kill(mut self) {
        self.running = None;
        self.end().await;
    }

    async fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(KILL_PATIENCE))
                .await
                .expect("ending a runtime does not panic");
        }
    }

    fn running(&self) -> &Running {
        self.running
            .as_ref()
            .expect("only stop and kill take it, and they take the server")
    }

    fn runtime(&self) -> &Runtime {
        self.runtime
            .as_ref()
            .expect("only stop and kill take it, and they take the server")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use echelon_api::v1;

    #[tokio::test]
    async fn a_server_that_is_killed_or_stopped_leaves_its_file_to_the_next() {
        let database = TestDatabase::sqlite().await;
        let server = TestServer::start(&database).await;
        let create = v1::CreateOrganizationRequest {
            organization_id: "acme".to_owned(),
            ..v1::CreateOrganizationRequest::default()
        };
        server
            .organizations()
            .create_organization(create)
            .await
            .unwrap();
        server.kill().await;
        let server = TestServer::start(&database).await;
        server.stop().await;
        let server = TestServer::start(&database).await;
        server.advance(Duration::from_secs(60));
        assert_eq!(server.pass_timers().await, 0);
        assert_eq!(server.clock().now(), START.plus(Duration::from_secs(60)));
        let get = v1::GetOrganizationRequest {
            name: "organizations/acme".to_owned(),
            ..v1::GetOrganizationRequest::default()
        };
        server.organizations().get_organization(get).await.unwrap();
    }
}
