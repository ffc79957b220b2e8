//! What a command works with: the client, the names of its organization, the output and the time.

use std::time::Duration;

use echelon_client::{
    Client, Consistency, Error, Options, RetryBudget,
    names::{self, organization_of},
    v1,
};
use jiff::Timestamp;
use tonic::{Response, Status};

use crate::{
    failure::Failure,
    name::Names,
    output::{Output, View},
    settings::Flags,
    time,
};

/// How long a command tries again while the server is unavailable: people wait at the other end.
const RETRY_WITHIN: Duration = Duration::from_secs(5);

/// A connected command.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) names: Names,
    pub(crate) output: Output,
    /// What is read reflects at least this revision; 0: whatever the server has.
    pub(crate) min_revision: i64,
    /// When the command began.
    pub(crate) now: Timestamp,
}

impl Session {
    /// Connects as the flags, the environment and the configuration file say.
    pub(crate) async fn open(flags: &Flags, now: Timestamp) -> Result<Self, Failure> {
        let settings = flags.settings()?;
        let client = Client::connect(Options {
            addresses: settings.addresses,
            deadline: settings.timeout,
            connect_timeout: settings.timeout.min(Duration::from_secs(5)),
            token: settings.token,
            actor: settings.actor,
            retry: RetryBudget {
                within: RETRY_WITHIN,
                ..RetryBudget::default()
            },
            // What a command has written its next call reads, through whichever server.
            consistency: Consistency::ReadYourWrites,
            trace_parent: settings.trace_parent,
        })
        .await?;
        Ok(Self {
            client,
            names: Names::new(settings.organization),
            output: flags.output(),
            min_revision: flags.min_revision.unwrap_or(0),
            now,
        })
    }

    /// Makes a call; again with the same request while the server is unavailable.
    pub(crate) async fn call<Q, R, F>(
        &self,
        request: Q,
        call: impl FnOnce(Client, Q) -> F,
    ) -> Result<R, Failure>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        Ok(self.client.retry(request, call).await?)
    }

    /// The terminal and the time.
    pub(crate) fn view(&self) -> View {
        self.output.view(self.now)
    }

    /// A moment on the command line.
    pub(crate) fn moment(&self, text: &str) -> Result<prost_types::Timestamp, Failure> {
        time::parse_moment(text, self.now)
            .map(time::to_proto)
            .map_err(Failure::usage)
    }

    /// A moment on the command line, if there is one.
    pub(crate) fn optional_moment(
        &self,
        text: Option<&str>,
    ) -> Result<Option<prost_types::Timestamp>, Failure> {
        text.map(|text| self.moment(text)).transpose()
    }

    /// Resource name of the node named, or of the root.
    pub(crate) async fn node_or_root(&self, text: Option<&str>) -> Result<String, Failure> {
        if let Some(text) = text {
            return self.names.node(text);
        }
        let request = v1::GetOrganizationRequest {
            name: self.names.organization()?,
            min_revision: self.min_revision,
        };
        let found = self
            .call(request, |client, request| async move {
                client.organizations().get_organization(request).await
            })
            .await?;
        let organization = found
            .organization
            .ok_or(Failure::Incomplete("organization"))?;
        Ok(organization.root_node)
    }

    /// Resource name of a meeting: named by its number, or by the node whose meeting is open.
    pub(crate) async fn meeting(&self, text: &str) -> Result<String, Failure> {
        if let Some(meeting) = self.names.meeting(text)? {
            return Ok(meeting);
        }
        let node = self.names.node(text)?;
        let request = v1::ListMeetingsRequest {
            parent: organization_of(&node)
                .map(names::organization)
                .unwrap_or_default(),
            node,
            state: v1::MeetingState::Open.into(),
            page_size: 1,
            page_token: String::new(),
            min_revision: self.min_revision,
        };
        let found = self
            .call(request, |client, request| async move {
                client.meetings().list_meetings(request).await
            })
            .await?;
        match found.meetings.into_iter().next() {
            Some(meeting) => Ok(meeting.name),
            None => Err(Failure::Conflict {
                message: format!("{text} has no open meeting"),
                hint: Some(format!("echelon meeting open {text}")),
            }),
        }
    }

    /// Ids of the organizations that the server has, as far as they can be known.
    pub(crate) async fn organizations(&self) -> Result<Vec<String>, Error> {
        let request = v1::ListOrganizationsRequest {
            page_size: 10,
            page_token: String::new(),
        };
        let found = self
            .client
            .retry(request, |client, request| async move {
                client.organizations().list_organizations(request).await
            })
            .await?;
        Ok(found
            .organizations
            .iter()
            .map(|organization| names::short(&organization.name))
            .collect())
    }
}
