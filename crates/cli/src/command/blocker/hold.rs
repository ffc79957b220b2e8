//! `echelon blocker hold`.

use clap::Args;
use echelon_client::{request_id, v1::HoldBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session, time};

/// Pause it until a time, with somebody's approval
#[derive(Args, Debug)]
pub(crate) struct Hold {
    /// The blocker, such as B-12
    blocker: String,
    /// When the hold ends: +7d, 2026-12-01 or RFC 3339
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Who approved it
    #[arg(long, value_name = "WHO")]
    approver: String,
    /// Why it may wait
    #[arg(
        long,
        short,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[command(flatten)]
    guard: Guard,
}

impl Hold {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = HoldBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            expire_time: Some(session.moment(&self.until)?),
            approver: self.approver,
            reason: self.reason,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().hold_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                let until = blocker
                    .hold_expire_time
                    .as_ref()
                    .map(|time| format!(" until {}", time::moment(time)))
                    .unwrap_or_default();
                format!("is on hold{until}")
            })
        })
    }
}
