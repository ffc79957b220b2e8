//! `echelon blocker list`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use echelon_client::v1::{
    BlockerScope, BlockerState, EscalationState, ListBlockersRequest, ListBlockersResponse,
};

use crate::{
    command::Limit,
    failure::Failure,
    session::Session,
    time,
    view::{blocker, words::Severity},
};

/// List blockers, the open ones unless said otherwise
#[derive(Args, Debug)]
pub(crate) struct List {
    /// The node they are about; default: the root
    node: Option<String>,
    /// Which blockers of the node
    #[arg(long, value_enum, default_value = "subtree", value_name = "SCOPE")]
    scope: Scope,
    /// Only these states, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATES")]
    state: Vec<State>,
    /// Closed ones, too
    #[arg(long, short, conflicts_with = "state")]
    all: bool,
    /// Only these severities, separated by commas
    #[arg(
        long,
        short,
        value_enum,
        ignore_case = true,
        value_delimiter = ',',
        value_name = "SEVERITIES"
    )]
    severity: Vec<Severity>,
    /// Only those held by this node
    #[arg(long, value_name = "NODE")]
    holder: Option<String>,
    /// Only those that this person owns
    #[arg(
        long,
        value_name = "WHO",
        default_value = "",
        hide_default_value = true
    )]
    owner: String,
    /// Only those without an owner
    #[arg(long, conflicts_with = "owner")]
    unowned: bool,
    /// Only those raised at least this long ago, such as 2d
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration)]
    min_age: Option<Duration>,
    /// Only those of this category
    #[arg(
        long,
        short,
        value_name = "CATEGORY",
        default_value = "",
        hide_default_value = true
    )]
    category: String,
    /// Only those whose escalation is in this state
    #[arg(long, value_enum, value_name = "STATE")]
    escalation: Option<Escalation>,
    /// What comes first: low numbers, the oldest, or the most severe
    #[arg(long, value_enum, default_value = "number", value_name = "ORDER")]
    sort: Sort,
    /// The other way round
    #[arg(long, short)]
    reverse: bool,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// Raised anywhere in its subtree
    Subtree,
    /// Raised by the node itself
    Origin,
    /// Held by the node itself
    Held,
    /// Held anywhere in its subtree
    HeldSubtree,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Raised,
    Acknowledged,
    Owned,
    OnHold,
    Resolved,
    Verified,
    Withdrawn,
    Merged,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Escalation {
    Armed,
    Waiting,
    Paused,
    Exhausted,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Number,
    Age,
    Severity,
}

impl State {
    fn to_proto(self) -> BlockerState {
        match self {
            Self::Raised => BlockerState::Raised,
            Self::Acknowledged => BlockerState::Acknowledged,
            Self::Owned => BlockerState::Owned,
            Self::OnHold => BlockerState::OnHold,
            Self::Resolved => BlockerState::Resolved,
            Self::Verified => BlockerState::Verified,
            Self::Withdrawn => BlockerState::Withdrawn,
            Self::Merged => BlockerState::Merged,
        }
    }
}

impl List {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let limit = self.limit.rows();
        let request = self.request(session)?;
        let view = session.view();
        session
            .list::<ListBlockersResponse, _>(
                "blockers",
                limit,
                |page_size, page_token| {
                    session.call(
                        ListBlockersRequest {
                            page_size,
                            page_token,
                            ..request.clone()
                        },
                        |client, request| async move { client.blockers().list_blockers(request).await },
                    )
                },
                |blockers| blocker::table(blockers, &view),
            )
            .await
    }

    fn request(self, session: &Session) -> Result<ListBlockersRequest, Failure> {
        let states: Vec<State> = if self.all {
            State::value_variants().to_vec()
        } else {
            self.state
        };
        let scope = match self.scope {
            Scope::Subtree => BlockerScope::OriginSubtree,
            Scope::Origin => BlockerScope::Origin,
            Scope::Held => BlockerScope::HeldHere,
            Scope::HeldSubtree => BlockerScope::HeldSubtree,
        };
        let escalation = match self.escalation {
            None => EscalationState::Unspecified,
            Some(Escalation::Armed) => EscalationState::Armed,
            Some(Escalation::Waiting) => EscalationState::WaitingForMeeting,
            Some(Escalation::Paused) => EscalationState::Paused,
            Some(Escalation::Exhausted) => EscalationState::Exhausted,
        };
        Ok(ListBlockersRequest {
            parent: session.names.organization()?,
            node: session.names.optional_node(self.node.as_deref())?,
            scope: scope.into(),
            states: states
                .into_iter()
                .map(|state| state.to_proto().into())
                .collect(),
            severities: self
                .severity
                .into_iter()
                .map(|severity| severity.to_proto().into())
                .collect(),
            holder: session.names.optional_node(self.holder.as_deref())?,
            owner: self.owner,
            unowned: self.unowned,
            min_age: self.min_age.map(time::duration_to_proto),
            category: self.category,
            escalation_state: escalation.into(),
            order_by: order_by(self.sort, self.reverse).to_owned(),
            page_size: 0,
            page_token: String::new(),
            min_revision: session.min_revision,
        })
    }
}

fn order_by(sort: Sort, reverse: bool) -> &'static str {
    match (sort, reverse) {
        (Sort::Number, false) => "number",
        (Sort::Number, true) => "number desc",
        (Sort::Age, false) => "raise_time",
        (Sort::Age, true) => "raise_time desc",
        // The most severe first is what people mean.
        (Sort::Severity, false) => "severity desc",
        (Sort::Severity, true) => "severity",
    }
}
