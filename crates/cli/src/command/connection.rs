//! What a watch says about its connection: once that it is lost, and once that it is back.

use std::time::Duration;

use echelon_client::Error;

use crate::output::Output;

/// Whether the connection is there, as far as was told.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    lost: bool,
}

impl Connection {
    /// The connection broke, or could not be made again.
    pub(crate) fn lost(&mut self, output: &Output, error: &Error, retry_in: Duration) {
        if !self.lost {
            output.warning(&format!(
                "{error}; trying again in {:.1} s and until it is back",
                retry_in.as_secs_f64()
            ));
        }
        self.lost = true;
    }

    /// The connection is there again.
    pub(crate) fn resumed(&mut self, output: &Output) {
        output.note("connected again, nothing was missed");
        self.lost = false;
    }
}
