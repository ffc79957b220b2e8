//! How far a command has come, on a terminal: stdout is for data.

use echelon_server::stream::{OnProgress, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on stderr, if that is a terminal.
#[derive(Clone)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        // It draws nothing elsewhere.
        Self(ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::stderr(),
        ))
    }

    /// Shows what it is told.
    pub(super) fn follow(&self) -> OnProgress {
        let bar = self.0.clone();
        Box::new(move |progress| show(&bar, progress))
    }

    /// Says that something is done, and begins anew.
    pub(super) fn finish(&self, message: &str) {
        self.0.finish_and_clear();
        self.0.reset();
        eprintln!("{message}");
    }

    /// Leaves no trace on the screen.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// How many bytes are done, on stderr, if that is a terminal. It leaves no trace.
pub(super) struct Bytes(ProgressBar);

impl Bytes {
    /// A bar of what is being done: `copied`.
    pub(super) fn new(done: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = "{msg} {bytes} of {total_bytes}, {percent} %, {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(done);
        Self(bar)
    }

    /// Shows how far it has come.
    pub(super) fn show(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let Progress {
        organization,
        events,
        total,
    } = progress;
    let template = if *total == 0 {
        "{msg}: {human_pos} events, {per_sec}"
    } else {
        "{msg}: {human_pos} of {human_len} events, {percent} %, {per_sec}, {eta} left"
    };
    if bar.length() != Some(*total) || bar.position() == 0 {
        bar.set_length(*total);
        bar.set_message(organization.clone());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
    }
    bar.set_position(*events);
}

/// A number for people: `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
