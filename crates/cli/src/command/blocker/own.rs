//! `echelon blocker own`.

use clap::Args;
use echelon_client::{request_id, v1::OwnBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session, time};

/// Give it an owner and, better, a date; real progress, so clocks restart
#[derive(Args, Debug)]
pub(crate) struct Own {
    /// The blocker, such as B-12
    blocker: String,
    /// Who acts on it
    owner: String,
    /// By when the owner commits to solve it: +2d, 2026-12-01 or RFC 3339
    #[arg(long, value_name = "DATE")]
    by: Option<String>,
    #[command(flatten)]
    guard: Guard,
}

impl Own {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = OwnBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            owner: self.owner,
            commit_time: session.optional_moment(self.by.as_deref())?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().own_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                let by = blocker
                    .commit_time
                    .as_ref()
                    .map(|time| format!(", committed to {}", time::moment(time)))
                    .unwrap_or_default();
                format!("is owned by {}{by}", blocker.owner)
            })
        })
    }
}
