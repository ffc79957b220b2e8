//! `echelon blocker verify`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::VerifyBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Confirm that the origin is unblocked
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The blocker, such as B-12
    blocker: String,
    #[command(flatten)]
    guard: Guard,
}

impl Verify {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = VerifyBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().verify_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!("is verified: {} is unblocked", short(&blocker.origin))
            })
        })
    }
}
