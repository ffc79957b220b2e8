//! Where things are.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

/// The workspace that xtask was started in.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self> {
        let metadata = metadata(&["--no-deps"], None)?;
        let path = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata names no {key}"))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
        })
    }

    /// A `cargo` command in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// What cargo knows of every crate, dependencies included.
    pub(crate) fn metadata(&self) -> Result<Value> {
        metadata(&["--locked"], Some(&self.root))
    }

    /// The paths that git tracks, relative to the root, and those it would if they were added.
    pub(crate) fn tracked(&self) -> Result<Vec<String>> {
        let listed = process::output(Command::new("git").current_dir(&self.root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        Ok(listed
            .split('\0')
            .filter(|path| !path.is_empty() && self.root.join(path).is_file())
            .map(str::to_owned)
            .collect())
    }

    /// The text of a file; none if it is not text.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>> {
        let bytes =
            fs::read(self.root.join(path)).with_context(|| format!("cannot read {path}"))?;
        Ok(String::from_utf8(bytes).ok())
    }

    /// The folder of a tool that xtask installs.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.target.join("tools").join(name)
    }
}

/// The cargo that started xtask.
/// A `cargo` that does not know that it was started by `cargo run`. Build scripts that look at the variables of a
/// package would otherwise run anew, with all that depends on them, whenever cargo is called by hand in between.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_of_package {
            command.env_remove(name);
        }
    }
    command
}

fn metadata(arguments: &[&str], directory: Option<&Path>) -> Result<Value> {
    let mut command = cargo();
    command
        .args(["metadata", "--format-version", "1"])
        .args(arguments);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    serde_json::from_str(&process::output(&mut command)?).context("cargo metadata is not JSON")
}
