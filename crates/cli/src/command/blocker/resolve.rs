//! `echelon blocker resolve`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::ResolveBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Say that it is solved; the origin verifies
#[derive(Args, Debug)]
pub(crate) struct Resolve {
    /// The blocker, such as B-12
    blocker: String,
    /// What solved it
    #[arg(default_value = "", hide_default_value = true)]
    resolution: String,
    #[command(flatten)]
    guard: Guard,
}

impl Resolve {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ResolveBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            resolution: self.resolution,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().resolve_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!("is resolved; {} should verify", short(&blocker.origin))
            })
        })
    }
}
