//! The connection, and the service clients on it.

use tonic::transport::Channel;

use crate::{
    Error, Options, RetryBudget, Transport,
    identity::Identity,
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

/// A connection to Echelon; cheap to clone, and clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    identity: Identity,
    retry: RetryBudget,
}

impl Client {
    /// Connects, and fails if no server answers.
    ///
    /// # Errors
    /// [`Error::Options`] names a faulty option, [`Error::Connect`] that no address can be reached.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let identity = Identity::new(&options)?;
        let endpoints = options.endpoints()?;
        let mut first_error = None;
        for endpoint in &endpoints {
            match endpoint.connect().await {
                Ok(channel) => {
                    let channel = match endpoints.len() {
                        1 => channel,
                        // One answers: the balancer finds out about the others by itself.
                        _ => Channel::balance_list(endpoints.iter().cloned()),
                    };
                    return Ok(Self::new(channel, identity, &options));
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        let error = first_error.map(|error| Error::connect(&options.addresses, &error));
        Err(error.unwrap_or_else(|| Error::options("addresses", "names no server")))
    }

    /// Makes a client that connects with its first call. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Options`] names a faulty option.
    pub fn connect_lazy(options: Options) -> Result<Self, Error> {
        let identity = Identity::new(&options)?;
        let endpoints = options.endpoints()?;
        let channel = match endpoints.as_slice() {
            [endpoint] => endpoint.connect_lazy(),
            _ => Channel::balance_list(endpoints.into_iter()),
        };
        Ok(Self::new(channel, identity, &options))
    }

    fn new(channel: Channel, identity: Identity, options: &Options) -> Self {
        Self {
            channel,
            identity,
            retry: options.retry,
        }
    }

    pub(crate) fn retry_budget(&self) -> RetryBudget {
        self.retry
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
        Transport::new(self.channel.clone(), self.identity.clone())
    }
}
