//! Views for people: functions from messages to lines, without a terminal, a clock or a server.

pub(crate) mod agenda;
pub(crate) mod attention;
pub(crate) mod blocker;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod meeting;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod rollup;
pub(crate) mod tree;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod sample;
