//! `echelond` as those who run it meet it: a process with arguments, signals, output and an exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod compact;
mod crash;
mod daemon;
mod demo;
mod hostile;
mod monitoring;
mod operations;
mod refusal;
mod replicas;
mod shutdown;
mod streams;
mod traces;
