//! `echelon blocker update`.

use clap::Args;
use echelon_client::{
    request_id,
    v1::{self, UpdateBlockerRequest},
};
use prost_types::FieldMask;

use super::{label, now, short_name};
use crate::{command::Guard, failure::Failure, session::Session, view::words::Severity};

/// Edit what a blocker says; an edit is not progress, and clocks go on
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct Update {
    /// The blocker, such as B-12
    blocker: String,
    /// New title
    #[arg(long, short, value_name = "TEXT", group = "change")]
    title: Option<String>,
    /// New details
    #[arg(long, short, value_name = "TEXT", group = "change")]
    description: Option<String>,
    /// New severity
    #[arg(
        long,
        short,
        value_enum,
        ignore_case = true,
        value_name = "SEVERITY",
        group = "change"
    )]
    severity: Option<Severity>,
    /// New category
    #[arg(long, short, value_name = "CATEGORY", group = "change")]
    category: Option<String>,
    /// A node that causes it; may be repeated, and replaces all there are
    #[arg(long, value_name = "NODE", group = "change")]
    cause: Option<Vec<String>>,
    /// A node that it blocks; may be repeated, and replaces all there are
    #[arg(long, value_name = "NODE", group = "change")]
    blocks: Option<Vec<String>>,
    /// When it must be solved: +2d, 2026-12-01, RFC 3339, or `never`
    #[arg(long, value_name = "DATE", group = "change")]
    due: Option<String>,
    /// A label, as KEY=VALUE; may be repeated, and replaces all there are
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, group = "change")]
    label: Option<Vec<(String, String)>>,
    /// New address in a tracker
    #[arg(long, value_name = "URL", group = "change")]
    tracker: Option<String>,
    #[command(flatten)]
    guard: Guard,
}

impl Update {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let paths = self.paths();
        let due_time = match self.due.as_deref() {
            Some("never") => None,
            due => session.optional_moment(due)?,
        };
        let request = UpdateBlockerRequest {
            blocker: Some(v1::Blocker {
                name: session.names.blocker(&self.blocker)?,
                title: self.title.unwrap_or_default(),
                description: self.description.unwrap_or_default(),
                severity: self
                    .severity
                    .map_or(v1::Severity::Unspecified, Severity::to_proto)
                    .into(),
                category: self.category.unwrap_or_default(),
                causing_nodes: session.names.nodes(&self.cause.unwrap_or_default())?,
                blocked_nodes: session.names.nodes(&self.blocks.unwrap_or_default())?,
                due_time,
                labels: self.label.unwrap_or_default().into_iter().collect(),
                external_reference: self.tracker.unwrap_or_default(),
                etag: self.guard.etag,
                ..v1::Blocker::default()
            }),
            update_mask: Some(FieldMask { paths }),
            request_id: request_id(),
        };
        let updated = session
            .call(request, |client, request| async move {
                client.blockers().update_blocker(request).await
            })
            .await?;
        let blocker = updated.blocker.as_ref();
        session.output.changed(&updated, &short_name(blocker), || {
            now(blocker, |blocker| format!("is updated: {}", blocker.title))
        })
    }

    /// Fields that the flags name.
    fn paths(&self) -> Vec<String> {
        [
            ("title", self.title.is_some()),
            ("description", self.description.is_some()),
            ("severity", self.severity.is_some()),
            ("category", self.category.is_some()),
            ("causing_nodes", self.cause.is_some()),
            ("blocked_nodes", self.blocks.is_some()),
            ("due_time", self.due.is_some()),
            ("labels", self.label.is_some()),
            ("external_reference", self.tracker.is_some()),
        ]
        .into_iter()
        .filter(|(_, named)| *named)
        .map(|(path, _)| path.to_owned())
        .collect()
    }
}
