//! `echelon blocker escalate`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::EscalateBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Move it up by hand
#[derive(Args, Debug)]
pub(crate) struct Escalate {
    /// The blocker, such as B-12
    blocker: String,
    /// Why
    #[arg(long, short, value_name = "TEXT")]
    reason: String,
    /// A node above the holder; default: the holder's parent
    #[arg(long, value_name = "NODE")]
    to: Option<String>,
    #[command(flatten)]
    guard: Guard,
}

impl Escalate {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = EscalateBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            to: session.names.optional_node(self.to.as_deref())?,
            reason: self.reason,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().escalate_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!("is escalated: {} holds it now", short(&blocker.holder))
            })
        })
    }
}
