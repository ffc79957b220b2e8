//! `cargo xtask deploy`: the image, Compose with its load balancer, and the systemd unit, checked without a container engine.

use std::{env, fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    npm, process, python,
    system::{self, Package},
    workspace::Workspace,
};

const FOLDER: &str = "tests/deploy";
/// What the checks share with those of the chart and of the Python client.
const SHARED: [&str; 2] = ["tests/helm", "tests/python"];
/// The linter of Compose files, which brings their schema, pinned.
const DCLINT: &str = "dclint@3.1.0";
const HAPROXY: Package = Package {
    name: "HAProxy",
    apt: "haproxy",
    dnf: "haproxy",
    apk: "haproxy",
    brew: "haproxy",
    otherwise: "install HAProxy 2.4 or newer",
};
const SYSTEMD: Package = Package {
    name: "systemd-analyze",
    apt: "systemd",
    dnf: "systemd",
    apk: "systemd",
    brew: "systemd",
    otherwise: "check the unit on Linux, where systemd is",
};

/// Runs every check of what installs Echelon without Kubernetes.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let requirements = fs::read_to_string(folder.join("requirements.txt"))
        .context("cannot read the requirements of the deployment's checks")?;
    let programs = python::environment(&workspace.tool("deploy"), &requirements)?;
    let dclint = npm::modules(&workspace.tool("dclint"), &[DCLINT])?.join(".bin/dclint");
    let haproxy = system::program("haproxy", &HAPROXY)?;
    system::program("systemd-analyze", &SYSTEMD)?;
    process::run(&mut workspace.cargo(&["build", "--locked", "--package", "echelon-server"]))?;
    let shared = env::join_paths(SHARED.map(|shared| workspace.root.join(shared)))?;
    process::run(
        Command::new(programs.join("python"))
            .current_dir(&folder)
            .arg("check.py")
            .arg("--root")
            .arg(&workspace.root)
            .arg("--server")
            .arg(workspace.target.join("debug/echelond"))
            .arg("--hadolint")
            .arg(programs.join("hadolint"))
            .arg("--dclint")
            .arg(dclint)
            .arg("--haproxy")
            .arg(haproxy)
            .env("PYTHONPATH", shared)
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}
