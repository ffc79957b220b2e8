//! `echelon blocker return`.

use clap::Args;
use echelon_client::{names::short, request_id, v1::ReturnBlockerRequest};

use super::{now, short_name};
use crate::{command::Guard, failure::Failure, session::Session};

/// Move it down towards its origin, with guidance
#[derive(Args, Debug)]
pub(crate) struct Return {
    /// The blocker, such as B-12
    blocker: String,
    /// What the lower level should do
    #[arg(long, short, value_name = "TEXT")]
    guidance: String,
    /// A node from the origin up to below the holder; default: the holder's child towards the origin
    #[arg(long, value_name = "NODE")]
    to: Option<String>,
    #[command(flatten)]
    guard: Guard,
}

impl Return {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ReturnBlockerRequest {
            name: session.names.blocker(&self.blocker)?,
            to: session.names.optional_node(self.to.as_deref())?,
            guidance: self.guidance,
            etag: self.guard.etag,
            request_id: request_id(),
        };
        let answer = session
            .call(request, |client, request| async move {
                client.blockers().return_blocker(request).await
            })
            .await?;
        let blocker = answer.blocker.as_ref();
        session.output.changed(&answer, &short_name(blocker), || {
            now(blocker, |blocker| {
                format!("is returned: {} holds it now", short(&blocker.holder))
            })
        })
    }
}
