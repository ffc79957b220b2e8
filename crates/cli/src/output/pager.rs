//! The pager: `$PAGER`, or `less -FRX`.

use std::{
    env, io,
    io::Write,
    process::{Child, ChildStdin, Command, Stdio},
};

/// A running pager.
#[derive(Debug)]
pub(crate) struct Pager {
    child: Child,
    input: Option<ChildStdin>,
}

impl Pager {
    /// Starts the pager; none if none is wanted or installed.
    pub(crate) fn start() -> Option<Self> {
        let wanted = env::var("PAGER").unwrap_or_else(|_| "less -FRX".to_owned());
        let mut words = wanted.split_whitespace();
        let program = words.next().filter(|program| *program != "cat")?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .spawn()
            .ok()?;
        let input = child.stdin.take();
        Some(Self { child, input })
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.input {
            Some(input) => input.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), ChildStdin::flush)
    }
}

impl Drop for Pager {
    /// The terminal is the pager's until it ends, also if we are interrupted.
    fn drop(&mut self) {
        self.input = None;
        if let Err(error) = self.child.wait() {
            eprintln!("warning: the pager cannot be waited for: {error}");
        }
    }
}
