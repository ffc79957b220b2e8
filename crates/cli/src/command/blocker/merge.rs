//! `echelon blocker merge`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::MergeBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Close it in favour of the blocker that is its cause
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// The blocker, such as B-12
    blocker: String,
    /// The open blocker that is its cause
    #[arg(long, value_name = "BLOCKER")]
    into: String,
    #[command(flatten)]
    guard: Guard,
}

impl Merge {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = MergeBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            into: session.names.blocker(&self.into)?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().merge_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!("is merged into {}", short(&blocker.merged_into))
            })
        })
    }
}
