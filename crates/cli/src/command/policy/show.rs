//! `echelon policy show`.

use clap::Args;
use echelon_client::{
    names::short,
    v1::{EscalationPolicy, GetEscalationPolicyRequest},
};

use crate::{document::policy::Policy, failure::Failure, output::Format, session::Session, time};

/// Show a policy as the document that `policy apply` reads
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The policy, such as default, or one of its versions, such as default@2
    policy: String,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = GetEscalationPolicyRequest {
            name: session.names.policy(&self.policy)?,
            min_revision: session.min_revision,
        };
        let found = session
            .call(request, |client, request| async move {
                client.policies().get_escalation_policy(request).await
            })
            .await?;
        let policy = found.policy.as_ref().ok_or(Failure::Incomplete("policy"))?;
        if session.output.format != Format::Table {
            return session.output.show(&found, Vec::new);
        }
        let document = Policy::from_proto(policy)
            .ok_or(Failure::Incomplete("rule that this version knows"))?;
        let yaml = serde_yaml_ng::to_string(&document)
            .map_err(|error| Failure::document(&self.policy, error.to_string()))?;
        session.output.text(&format!("{}{yaml}", origin(policy)))
    }
}

/// Which version it is, as a comment.
fn origin(policy: &EscalationPolicy) -> String {
    let version = policy.version.clone().unwrap_or_default();
    let created = version
        .create_time
        .as_ref()
        .map(|time| format!(", {}", time::moment(time)))
        .unwrap_or_default();
    let author = match version.author.as_str() {
        "" => String::new(),
        // A comment is one line.
        author => format!(", by {}", author.replace(char::is_control, " ")),
    };
    format!("# {}{created}{author}\n", short(&version.name))
}
