//! `echelon blocker withdraw`.

use clap::Args;
use echelon_client::{request_id, v1::WithdrawBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Take it back: it never was one, or is none any more
#[derive(Args, Debug)]
pub(crate) struct Withdraw {
    /// The blocker, such as B-12
    blocker: String,
    /// Why
    #[arg(default_value = "", hide_default_value = true)]
    reason: String,
    #[command(flatten)]
    guard: Guard,
}

impl Withdraw {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = WithdrawBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            reason: self.reason,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().withdraw_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |_| "is withdrawn".to_owned())
        })
    }
}
