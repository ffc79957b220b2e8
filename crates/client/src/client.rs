//! The servers of a deployment, and the service clients that call them.

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{
    codegen::StdError,
    transport::{Channel, Endpoint},
};

use crate::{
    Error, Options, RetryBudget, Transport,
    identity::Identity,
    retry::Backoff,
    servers::Servers,
    v1::{
        blocker_service_client::BlockerServiceClient,
        escalation_policy_service_client::EscalationPolicyServiceClient,
        event_service_client::EventServiceClient, meeting_service_client::MeetingServiceClient,
        node_service_client::NodeServiceClient,
        organization_service_client::OrganizationServiceClient,
        rollup_service_client::RollupServiceClient,
    },
};

/// The largest message taken, as on the server.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// A client of one deployment of Echelon; cheap to clone, and clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// Connects, and waits for a server to answer while the deadline and the [`RetryBudget`] last.
    ///
    /// # Errors
    /// [`Error::Options`] names a faulty option, [`Error::Connect`] that no address can be reached.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let identity = Identity::new(&options)?;
        let endpoints = options.endpoints()?;
        let started = Instant::now();
        let patience = options.deadline.min(options.retry.within);
        let mut backoff = Backoff::new(options.retry);
        loop {
            let error = match first_of(&endpoints).await {
                Ok((answering, channel)) => {
                    let servers = Servers::new(&endpoints, Some((answering, channel)));
                    let transport = Transport::new(servers, identity, &options);
                    return Ok(Self { transport });
                }
                Err(error) => Error::connect(&options.addresses, &error),
            };
            let wait = backoff.next(None);
            if started.elapsed() + wait > patience {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Makes a client that connects with its first call. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Options`] names a faulty option.
    pub fn connect_lazy(options: Options) -> Result<Self, Error> {
        let identity = Identity::new(&options)?;
        let servers = Servers::new(&options.endpoints()?, None);
        let transport = Transport::new(servers, identity, &options);
        Ok(Self { transport })
    }

    pub(crate) fn retry_budget(&self) -> RetryBudget {
        self.transport.retry_budget()
    }

    /// The newest revision of an organization, given by its id, that an answer to this client or a clone of it has
    /// told; 0 if none has.
    #[must_use]
    pub fn newest_revision(&self, organization: &str) -> i64 {
        self.transport.newest_revision(organization)
    }

    /// Organizations.
    #[must_use]
    pub fn organizations(&self) -> OrganizationServiceClient<Transport> {
        OrganizationServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Nodes.
    #[must_use]
    pub fn nodes(&self) -> NodeServiceClient<Transport> {
        NodeServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Blockers.
    #[must_use]
    pub fn blockers(&self) -> BlockerServiceClient<Transport> {
        BlockerServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Meetings.
    #[must_use]
    pub fn meetings(&self) -> MeetingServiceClient<Transport> {
        MeetingServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Escalation policies.
    #[must_use]
    pub fn policies(&self) -> EscalationPolicyServiceClient<Transport> {
        EscalationPolicyServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Roll-ups.
    #[must_use]
    pub fn rollups(&self) -> RollupServiceClient<Transport> {
        RollupServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Events.
    #[must_use]
    pub fn events(&self) -> EventServiceClient<Transport> {
        EventServiceClient::new(self.transport())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    fn transport(&self) -> Transport {
        self.transport.clone()
    }
}

/// The first server that takes a connection; if none does, why one of them does not.
async fn first_of(endpoints: &[Endpoint]) -> Result<(usize, Channel), StdError> {
    let mut connecting = JoinSet::new();
    for (index, endpoint) in endpoints.iter().cloned().enumerate() {
        connecting.spawn(async move { (index, endpoint.connect().await) });
    }
    let mut failure: StdError = "no server is named".into();
    while let Some(connected) = connecting.join_next().await {
        match connected {
            Ok((index, Ok(channel))) => return Ok((index, channel)),
            Ok((_, Err(error))) => failure = error.into(),
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}
