//! `echelon blocker reopen`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::ReopenBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Open it again, as a new episode, at the node that held it last
#[derive(Args, Debug)]
pub(crate) struct Reopen {
    /// The blocker, such as B-12
    blocker: String,
    /// Why it is still one
    #[arg(default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    guard: Guard,
}

impl Reopen {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ReopenBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            reason: self.reason,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().reopen_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!(
                    "is open again, episode {}, held by {}",
                    blocker.episode,
                    short(&blocker.holder)
                )
            })
        })
    }
}
