//! `echelon blocker ack`.

use clap::Args;
use echelon_client::{request_id, v1::AcknowledgeBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session, time};

/// Say that the holder has seen it
///
/// Escalation pauses until the acknowledgement expires.
#[derive(Args, Debug)]
pub(crate) struct Ack {
    /// The blocker, such as B-12
    blocker: String,
    /// When the acknowledgement expires: +4h, 2026-12-01 or RFC 3339; default: as the organization says
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    #[command(flatten)]
    guard: Guard,
}

impl Ack {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = AcknowledgeBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            expire_time: session.optional_moment(self.until.as_deref())?,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().acknowledge_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                let until = blocker
                    .acknowledgement_expire_time
                    .as_ref()
                    .map(|time| format!(" until {}", time::moment(time)))
                    .unwrap_or_default();
                format!("is acknowledged{until}")
            })
        })
    }
}
