//! `echelon policy rebase`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::RebasePolicyRequest};

use crate::{
    failure::Failure,
    session::Session,
    view::{policy, words},
};

/// Pin the open blockers in a policy's subtree to its newest version
#[derive(Args, Debug)]
pub(crate) struct Rebase {
    /// The policy, such as default
    policy: String,
    /// Show what would happen, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl Rebase {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = RebasePolicyRequest {
            name: session.names.policy(&self.policy)?,
            dry_run: self.dry_run,
            request_id: request_id(),
        };
        let rebased = session
            .call(request, |client, request| async move {
                client.policies().rebase_policy(request).await
            })
            .await?;
        session.output.show(&rebased, || {
            if rebased.blockers.is_empty() {
                return Vec::new();
            }
            let view = session.view();
            policy::rebased(&rebased).lines(view.width)
        })?;
        let blockers = words::counted(rebased.blockers.len(), "blocker", "blockers");
        let version = short(&rebased.version);
        session.output.note(&if self.dry_run {
            format!("dry run: {blockers} would change to {version}; nothing was changed")
        } else {
            format!("{blockers} changed to {version}")
        });
        Ok(())
    }
}
