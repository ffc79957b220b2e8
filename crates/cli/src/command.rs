//! Subcommands, one file each; the folders are the nouns.

pub(crate) mod apply;
pub(crate) mod attention;
pub(crate) mod blocker;
pub(crate) mod completions;
mod connection;
pub(crate) mod context;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod meeting;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod policy;
pub(crate) mod rollup;
pub(crate) mod tree;
pub(crate) mod version;
pub(crate) mod watch;

use clap::Args;

/// At most so many rows of a list.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Show at most this many; default: all
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Limit {
    pub(crate) fn rows(self) -> Option<usize> {
        self.limit.and_then(|limit| usize::try_from(limit).ok())
    }
}

/// Guards a change against those of others.
#[derive(Args, Clone, Debug)]
pub(crate) struct Guard {
    /// Only if this is still its etag, as `show` prints it
    #[arg(
        long,
        value_name = "ETAG",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) etag: String,
}
