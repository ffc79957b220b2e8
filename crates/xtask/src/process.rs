//! Child processes. Each runs in a group of its own; a signal to xtask ends the running groups, and xtask then cleans up
//! and leaves by its usual way, so that nothing outlives it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    thread,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// The signal that asked xtask to stop; 0: none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// The groups that run now.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// From now on a signal to stop ends the running groups instead of xtask itself.
pub(crate) fn handle_signals() -> Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot handle signals")?;
    thread::spawn(move || {
        for signal in signals.forever() {
            SIGNAL.store(signal, Ordering::SeqCst);
            end_running();
        }
    });
    Ok(())
}

/// Fails if a signal asked xtask to stop.
pub(crate) fn check_signal() -> Result<()> {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => Ok(()),
        signal => bail!("stopped by signal {signal}"),
    }
}

/// The exit code of a failure: 128 plus the signal, as shells have it, or 1.
pub(crate) fn exit_code() -> ExitCode {
    match u8::try_from(SIGNAL.load(Ordering::SeqCst)) {
        Ok(signal) if signal > 0 => ExitCode::from(128 + signal),
        _ => ExitCode::FAILURE,
    }
}

/// Runs a command to its end. Fails if it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = wait(spawn(command)?, command)?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it prints. Fails if it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let mut printed = String::new();
    let status = stream(command, |line| printed.push_str(line))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(printed)
}

/// Runs a command to its end and gives each line that it prints, as it comes, to `each`.
pub(crate) fn stream(command: &mut Command, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child = spawn(command.stdout(Stdio::piped()))?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            each(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    wait(child, command)
}

/// Prints at once, whatever stdout is.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // A reader that went away must not stop the cleaning up.
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// A command as somebody would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

fn spawn(command: &mut Command) -> Result<Child> {
    check_signal()?;
    let child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    running().push(Pid::from_child(&child));
    // The signal may have come in between.
    if check_signal().is_err() {
        end_running();
    }
    Ok(child)
}

fn wait(mut child: Child, command: &Command) -> Result<ExitStatus> {
    let group = Pid::from_child(&child);
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {}", shown(command)));
    running().retain(|running| *running != group);
    check_signal()?;
    status
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end_running() {
    for group in running().iter() {
        // It may have ended by itself meanwhile.
        let _ = kill_process_group(*group, Signal::TERM);
    }
}
