//! `echelon policy apply`.

use clap::Args;
use echelon_client::{
    names::short,
    request_id,
    v1::{
        CreateEscalationPolicyRequest, EscalationPolicy, GetEscalationPolicyRequest,
        UpdateEscalationPolicyRequest,
    },
};
use tonic::Code;

use crate::{
    document::policy::Policy,
    failure::Failure,
    input::Document,
    output::{line::Line, style},
    session::Session,
};

/// Create a policy from a document, or give it a new version
///
/// Blockers in flight stay with the version that they entered their level under; `policy rebase` moves them. A
/// document with equal rules adds no version.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// The document, YAML or JSON; `-` reads standard input
    #[arg(long, short, value_name = "FILE")]
    file: String,
    /// Check everything, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let document: Policy = Document::read(&self.file)?.parse()?;
        let name = session.names.policy(&document.policy)?;
        match existing(session, name).await? {
            None => self.create(session, document).await,
            Some(policy) => self.update(session, document, policy).await,
        }
    }

    async fn create(&self, session: &Session, document: Policy) -> Result<(), Failure> {
        let id = document.policy.clone();
        let Some(node) = document.node.as_deref() else {
            return Err(Failure::document(
                &self.file,
                format!("policy {id} is new: add `node: NODE`, to which it is attached"),
            ));
        };
        let request = CreateEscalationPolicyRequest {
            parent: session.names.organization()?,
            policy_id: id.clone(),
            policy: Some(EscalationPolicy {
                node: session.names.node(node)?,
                display_name: document.display_name.clone(),
                version: Some(document.version()),
                ..EscalationPolicy::default()
            }),
            validate_only: self.dry_run,
            request_id: request_id(),
        };
        let created = session
            .call(request, |client, request| async move {
                client.policies().create_escalation_policy(request).await
            })
            .await?;
        session.output.changed(&created, &id, || {
            let node = created
                .policy
                .as_ref()
                .map(|policy| short(&policy.node))
                .unwrap_or_default();
            self.line("+", style::GREEN, &id, &format!("created at {node}"))
        })
    }

    async fn update(
        &self,
        session: &Session,
        document: Policy,
        before: EscalationPolicy,
    ) -> Result<(), Failure> {
        let id = document.policy.clone();
        if let Some(node) = document.node.as_deref()
            && session.names.node(node)? != before.node
        {
            return Err(Failure::Conflict {
                message: format!(
                    "policy {id} is attached to {}, not to {node}, and stays there",
                    short(&before.node)
                ),
                hint: Some("another policy for another node, with an id of its own".to_owned()),
            });
        }
        let request = UpdateEscalationPolicyRequest {
            policy: Some(EscalationPolicy {
                name: before.name.clone(),
                display_name: document.display_name.clone(),
                version: Some(document.version()),
                // What was compared is what is changed.
                etag: before.etag.clone(),
                ..EscalationPolicy::default()
            }),
            validate_only: self.dry_run,
            request_id: request_id(),
        };
        let updated = session
            .call(request, |client, request| async move {
                client.policies().update_escalation_policy(request).await
            })
            .await?;
        session.output.changed(&updated, &id, || {
            let version = |policy: &EscalationPolicy| {
                policy
                    .version
                    .as_ref()
                    .map(|version| short(&version.name))
                    .unwrap_or_default()
            };
            let after = updated.policy.clone().unwrap_or_default();
            if version(&after) != version(&before) {
                self.line(
                    "~",
                    style::YELLOW,
                    &id,
                    &format!("new version {}", version(&after)),
                )
            } else if after.display_name != before.display_name {
                self.line("~", style::YELLOW, &id, "renamed")
            } else {
                Line::text(&format!("policy {id} is as declared, nothing to change"))
            }
        })
    }

    fn line(&self, mark: &str, style: anstyle::Style, id: &str, what: &str) -> Line {
        let mut line = Line::styled(style, &format!("{mark} policy ")).with(style.bold(), id);
        line.push(style::PLAIN, &format!("  {what}"));
        if self.dry_run {
            line.push(style::DIM, "  (dry run: nothing was changed)");
        }
        line
    }
}

async fn existing(session: &Session, name: String) -> Result<Option<EscalationPolicy>, Failure> {
    let found = session
        .call(
            GetEscalationPolicyRequest {
                name,
                min_revision: session.min_revision,
            },
            |client, request| async move { client.policies().get_escalation_policy(request).await },
        )
        .await;
    match found {
        Ok(found) => Ok(found.policy),
        Err(Failure::Client(error)) if is_missing_policy(&error) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// True if the policy is missing; a missing organization is another matter.
fn is_missing_policy(error: &echelon_client::Error) -> bool {
    error.code() == Code::NotFound
        && error
            .failure()
            .and_then(|failure| failure.resource.as_ref())
            .is_none_or(|resource| !resource.kind.to_lowercase().ends_with("organization"))
}
