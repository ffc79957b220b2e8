//! `echelon policy test`.

use std::time::Duration;

use clap::Args;
use echelon_client::v1::{
    self, TestPolicyRequest,
    test_policy_request::{Policy as Tried, Subject},
};

use crate::{
    document::policy::Policy,
    failure::Failure,
    input::Document,
    session::Session,
    time,
    view::{policy, words::Severity},
};

/// Try a policy on a blocker: what would fire, and when; changes nothing
#[derive(Args, Debug)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    group = clap::ArgGroup::new("subject").required(true)
)]
pub(crate) struct Test {
    /// The policy, such as default, or one of its versions, such as default@2
    #[arg(group = "what")]
    policy: Option<String>,
    /// A document that is not saved yet; `-` reads standard input
    #[arg(long, short, value_name = "FILE", group = "what")]
    file: Option<String>,
    /// An existing open blocker, such as B-12
    #[arg(long, value_name = "BLOCKER", group = "subject")]
    blocker: Option<String>,
    /// A described blocker: the node that raised it
    #[arg(long, value_name = "NODE", group = "subject")]
    origin: Option<String>,
    /// Of a described blocker: the node that holds it; default: its origin
    #[arg(long, value_name = "NODE", requires = "origin")]
    holder: Option<String>,
    /// Of a described blocker: its severity
    #[arg(
        long,
        short,
        value_enum,
        ignore_case = true,
        value_name = "SEVERITY",
        requires = "origin"
    )]
    severity: Option<Severity>,
    /// Of a described blocker: its category
    #[arg(long, short, value_name = "CATEGORY", requires = "origin")]
    category: Option<String>,
    /// Of a described blocker: its owner
    #[arg(long, value_name = "WHO", requires = "origin")]
    owner: Option<String>,
    /// Of a described blocker: by when its owner commits to solve it
    #[arg(long, value_name = "DATE", requires = "owner")]
    by: Option<String>,
    /// Of a described blocker: meetings of its holder that it has survived
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        hide_default_value = true,
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    meetings: i32,
    /// Of a described blocker: how long ago it was raised
    #[arg(long, value_name = "DURATION", value_parser = time::parse_duration, requires = "origin")]
    age: Option<Duration>,
    /// Of a described blocker: when it is due
    #[arg(long, value_name = "DATE", requires = "origin")]
    due: Option<String>,
    /// Of a described blocker: a node that causes it; may be repeated
    #[arg(long, value_name = "NODE", requires = "origin")]
    cause: Vec<String>,
}

impl Test {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let tried = match (&self.policy, &self.file) {
            (Some(policy), _) => Tried::PolicyName(session.names.policy(policy)?),
            (None, Some(path)) => {
                let document: Policy = Document::read(path)?.parse()?;
                Tried::Rules(document.version())
            }
            (None, None) => return Err(Failure::usage("name a policy, or a document with -f")),
        };
        let request = TestPolicyRequest {
            parent: session.names.organization()?,
            policy: Some(tried),
            subject: Some(self.subject(session)?),
            min_revision: session.min_revision,
        };
        let tested = session
            .call(request, |client, request| async move {
                client.policies().test_policy(request).await
            })
            .await?;
        session
            .output
            .show(&tested, || policy::tested(&tested, &session.view()))
    }

    fn subject(self, session: &Session) -> Result<Subject, Failure> {
        if let Some(blocker) = &self.blocker {
            return Ok(Subject::BlockerName(session.names.blocker(blocker)?));
        }
        let raised = match self.age {
            None => None,
            Some(age) => Some(
                session
                    .now
                    .checked_sub(age)
                    .map_err(|_| Failure::usage("--age goes too far back"))?,
            ),
        };
        Ok(Subject::Blocker(v1::Blocker {
            origin: session.names.optional_node(self.origin.as_deref())?,
            holder: session.names.optional_node(self.holder.as_deref())?,
            title: "a described blocker".to_owned(),
            severity: self
                .severity
                .map_or(v1::Severity::Unspecified, Severity::to_proto)
                .into(),
            category: self.category.unwrap_or_default(),
            causing_nodes: session.names.nodes(&self.cause)?,
            due_time: session.optional_moment(self.due.as_deref())?,
            owner: self.owner.unwrap_or_default(),
            commit_time: session.optional_moment(self.by.as_deref())?,
            meetings_survived: self.meetings,
            raise_time: raised.map(time::to_proto),
            ..v1::Blocker::default()
        }))
    }
}
