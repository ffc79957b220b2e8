//! A command that waits for the writer.

use echelon_domain::{Error, OrganizationId, command::Command, decide::Decision};
use tokio::sync::oneshot;
use tracing::{Span, field::Empty};

use crate::app::Call;

/// Makes the encoded answer of a decision. If it fails, the command fails and leaves nothing behind. A command may be
/// decided more than once: the last answer counts.
pub(in crate::app) type Respond = Box<dyn Fn(&Decision) -> Result<Vec<u8>, Error> + Send + Sync>;

/// A command that waits for the writer.
pub(in crate::app) struct Job {
    pub(in crate::app) call: Call,
    pub(in crate::app) command: Command,
    pub(in crate::app) respond: Respond,
    pub(in crate::app) reply: oneshot::Sender<Result<Vec<u8>, Error>>,
    pub(in crate::app) span: Span,
}

impl Job {
    /// A span of the call, in which it is decided; none if nobody called.
    pub(super) fn deciding(&self, organization: &OrganizationId) -> Span {
        if self.span.is_none() {
            return Span::none();
        }
        tracing::debug_span!(
            parent: &self.span,
            "decide",
            decide.command = self.call.method,
            organization.id = %organization,
            decide.events = Empty,
            decide.refused = Empty,
        )
    }

    /// Tells the caller.
    pub(super) fn answer(self, answer: Result<Vec<u8>, Error>) {
        // A caller that has gone away needs no answer.
        let _ = self.reply.send(answer);
    }
}
