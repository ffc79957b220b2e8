//! Packages of npm, installed privately.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{process, system};

/// The `node_modules` of a folder that holds exactly these packages.
pub(crate) fn modules(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let modules = folder.join("node_modules");
    let stamp = folder.join("version");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && modules.is_dir() {
        return Ok(modules);
    }
    system::on_path("npm").context("npm is missing: install Node.js 20 or newer")?;
    fs::create_dir_all(folder)?;
    process::run(
        Command::new("npm")
            .current_dir(folder)
            .args(["install", "--no-save", "--no-package-lock", "--no-audit"])
            .args(["--no-fund", "--loglevel", "error", "--prefix", "."])
            .args(packages),
    )?;
    fs::write(stamp, wanted)?;
    Ok(modules)
}
