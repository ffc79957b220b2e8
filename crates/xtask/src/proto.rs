//! The API: lint, and compatibility with the last release.

use std::process::Command;

use anyhow::Result;

use crate::{npm, process, workspace::Workspace};

/// The package that holds the `buf` binary, pinned.
const BUF: &str = "@bufbuild/buf@1.75.0";
/// The API of the last release, as `buf build` writes it.
const RELEASED: &str = "proto/released.binpb";

/// Lints `proto/`, and compares it with the last release if there is one.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let buf = npm::modules(&workspace.tool("buf"), &[BUF])?.join(".bin/buf");
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
