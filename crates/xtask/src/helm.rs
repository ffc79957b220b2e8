//! `cargo xtask helm`: the chart, rendered by Helm's own engine and checked in every way that needs no cluster.

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{npm, process, python, workspace::Workspace};

const FOLDER: &str = "tests/helm";
const CHART: &str = "helm/echelon";
/// The schemas of custom resources, pinned.
const MODELS: [&str; 2] = [
    "@kubernetes-models/gateway-api@2.0.0",
    "@kubernetes-models/prometheus-operator@6.0.0",
];

/// Runs every check of the chart.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(FOLDER);
    let requirements = fs::read_to_string(folder.join("requirements.txt"))
        .context("cannot read the requirements of the chart's checks")?;
    let programs = python::environment(&workspace.tool("helm"), &requirements)?;
    let models = npm::modules(&workspace.tool("kubernetes-models"), &MODELS)?;
    process::run(&mut workspace.cargo(&["build", "--locked", "--package", "echelon-server"]))?;
    process::run(
        Command::new(programs.join("python"))
            .current_dir(&folder)
            .arg("check.py")
            .arg("--chart")
            .arg(workspace.root.join(CHART))
            .arg("--server")
            .arg(workspace.target.join("debug/echelond"))
            .arg("--models")
            .arg(models)
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )
}
