//! The API: lint, and compatibility with the last release.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{process, system, workspace::Workspace};

/// The package that holds the `buf` binary, pinned.
const BUF: &str = "@bufbuild/buf@1.75.0";
/// The API of the last release, as `buf build` writes it.
const RELEASED: &str = "proto/released.binpb";

/// Lints `proto/`, and compares it with the last release if there is one.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let buf = buf(workspace)?;
    let run = |arguments: &[&str]| {
        process::run(
            Command::new(&buf)
                .current_dir(&workspace.root)
                .args(arguments),
        )
    };
    run(&["lint", "proto"])?;
    if workspace.root.join(RELEASED).is_file() {
        run(&["breaking", "proto", "--against", RELEASED])?;
    } else {
        println!(
            "no {RELEASED}: nothing is released yet that the API could break. A release writes it with \
             `buf build proto --exclude-source-info --output {RELEASED}`"
        );
    }
    Ok(())
}

fn buf(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tool("buf");
    let buf = folder.join("node_modules/.bin/buf");
    let stamp = folder.join("version");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == BUF) && buf.is_file() {
        return Ok(buf);
    }
    system::on_path("npm").context("npm is missing, which brings buf: install Node.js")?;
    fs::create_dir_all(&folder)?;
    process::run(
        Command::new("npm")
            .current_dir(&folder)
            .args(["install", "--no-save", "--no-package-lock", "--no-audit"])
            .args(["--no-fund", "--loglevel", "error", "--prefix", ".", BUF]),
    )?;
    fs::write(stamp, BUF)?;
    Ok(buf)
}
