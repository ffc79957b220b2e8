//! `echelon blocker raise`.

use clap::Args;
use echelon_client::{
    names::short,
    request_id,
    v1::{self, RaiseBlockerRequest},
};

use super::{label, now, short_name};
use crate::{failure::Failure, session::Session, view::words::Severity};

/// Raise a blocker
#[derive(Args, Debug)]
pub(crate) struct Raise {
    /// The node that is blocked and raises it
    node: String,
    /// What is wrong, in one line
    title: String,
    /// How bad it is
    #[arg(
        long,
        short,
        value_enum,
        ignore_case = true,
        default_value = "medium",
        value_name = "SEVERITY"
    )]
    severity: Severity,
    /// Details
    #[arg(
        long,
        short,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    description: String,
    /// Kind of blocker, such as environment or decision
    #[arg(
        long,
        short,
        value_name = "CATEGORY",
        default_value = "",
        hide_default_value = true
    )]
    category: String,
    /// A node that causes it; may be repeated
    #[arg(long, value_name = "NODE")]
    cause: Vec<String>,
    /// A node that it blocks; may be repeated; default: the node that raises it
    #[arg(long, value_name = "NODE")]
    blocks: Vec<String>,
    /// When it must be solved: +2d, 2026-12-01 or RFC 3339
    #[arg(long, value_name = "DATE")]
    due: Option<String>,
    /// A label, as KEY=VALUE; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// Its address in a tracker
    #[arg(
        long,
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    tracker: String,
    /// An open blocker with the same key is returned instead of a second one
    #[arg(
        long,
        value_name = "KEY",
        default_value = "",
        hide_default_value = true
    )]
    dedupe_key: String,
    /// Store nowhere who raises it
    #[arg(long)]
    anonymous: bool,
}

impl Raise {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let origin = session.names.node(&self.node)?;
        let request = RaiseBlockerRequest {
            parent: session.names.organization()?,
            blocker: Some(v1::Blocker {
                origin,
                title: self.title,
                description: self.description,
                severity: self.severity.to_proto().into(),
                category: self.category,
                blocked_nodes: session.names.nodes(&self.blocks)?,
                causing_nodes: session.names.nodes(&self.cause)?,
                due_time: session.optional_moment(self.due.as_deref())?,
                labels: self.label.into_iter().collect(),
                external_reference: self.tracker,
                dedupe_key: self.dedupe_key,
                ..v1::Blocker::default()
            }),
            anonymous: self.anonymous,
            request_id: request_id(),
        };
        let raised = session
            .call(request, |client, request| async move {
                client.blockers().raise_blocker(request).await
            })
            .await?;
        let blocker = raised.blocker.as_ref();
        session.output.changed(&raised, &short_name(blocker), || {
            now(blocker, |blocker| {
                let was = if raised.duplicate {
                    "was open already"
                } else {
                    "is raised"
                };
                format!("{was}, held by {}", short(&blocker.holder))
            })
        })
    }
}
