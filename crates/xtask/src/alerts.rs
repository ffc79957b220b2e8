//! Alert rules and dashboard, as Prometheus itself reads them: `promtool` checks the rules, runs their tests, and checks
//! the queries of the dashboard. That all they name is told by a server is tested in `tests/e2e/monitoring.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    process,
    system::{self, Package},
    workspace::Workspace,
};

const RULES: &str = "helm/echelon/files/alerts.yaml";
const DASHBOARD: &str = "helm/echelon/files/dashboard.json";
const TESTS: &str = "tests/monitoring/alerts.yaml";

const PROMTOOL: &str = "promtool";
const PACKAGE: Package = Package {
    name: "promtool",
    apt: "prometheus",
    dnf: "golang-github-prometheus",
    apk: "prometheus",
    brew: "prometheus",
    otherwise: "put the promtool of a release of Prometheus on the PATH",
};

/// Checks the alert rules and the queries of the dashboard.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let promtool = promtool(workspace)?;
    let run = |arguments: &[&str]| {
        process::run(
            Command::new(&promtool)
                .current_dir(&workspace.root)
                .args(arguments),
        )
    };
    run(&["check", "rules", "--lint-fatal", RULES])?;
    run(&["test", "rules", TESTS])?;
    let dashboard = workspace.text(DASHBOARD)?.context("it is no text")?;
    let dashboard = serde_json::from_str(&dashboard)
        .with_context(|| format!("{DASHBOARD} is no JSON document"))?;
    let folder = tempfile::tempdir()?;
    let queries = folder.path().join("dashboard.json");
    fs::write(&queries, as_rules(&dashboard)?)?;
    eprintln!("the queries of {DASHBOARD}:");
    process::run(
        Command::new(&promtool)
            .args(["check", "rules", "--lint=none"])
            .arg(&queries),
    )
}

/// The queries of a dashboard as a file of rules, with Grafana's own variables filled in.
fn as_rules(dashboard: &Value) -> Result<String> {
    let mut queries = Vec::new();
    collect(dashboard, &mut queries);
    ensure!(!queries.is_empty(), "{DASHBOARD} has no queries");
    let rules = (1..).zip(queries).map(|(number, query): (u32, String)| {
        let query = query.replace("$__rate_interval", "5m");
        json!({ "record": format!("dashboard:query:{number}"), "expr": query })
    });
    let rules: Vec<Value> = rules.collect();
    // YAML reads JSON.
    let file = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    Ok(serde_json::to_string_pretty(&file)?)
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(query) if name == "expr" => queries.push(query.clone()),
                    _ => collect(value, queries),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The program: the system's, or the one of Debian's package, which is unpacked and not installed, so that no server starts.
fn promtool(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(found) = system::on_path(PROMTOOL) {
        return Ok(found);
    }
    let folder = workspace.tool(PROMTOOL);
    let unpacked = folder.join("usr/bin").join(PROMTOOL);
    if unpacked.is_file() {
        return Ok(unpacked);
    }
    if system::has_apt() {
        unpack(&folder)?;
        ensure!(
            unpacked.is_file(),
            "the package {} brings no promtool: {}",
            PACKAGE.apt,
            PACKAGE.otherwise
        );
        return Ok(unpacked);
    }
    system::install(&PACKAGE)?;
    system::on_path(PROMTOOL).with_context(|| {
        format!(
            "promtool is not on the PATH though its package is installed: {}",
            PACKAGE.otherwise
        )
    })
}

fn unpack(folder: &Path) -> Result<()> {
    // A folder that is half filled must not be taken for the whole.
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    system::unpack(&PACKAGE, &partial)?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(partial, folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_found_wherever_they_stand() {
        let dashboard = json!({ "panels": [
            { "targets": [{ "expr": "rate(a[$__rate_interval])" }] },
            { "panels": [{ "targets": [{ "expr": "b", "title": "expr" }] }] },
        ]});
        let rules: Value = serde_json::from_str(&as_rules(&dashboard).unwrap()).unwrap();
        let rules = &rules["groups"][0]["rules"];
        assert_eq!(rules[0]["expr"], "rate(a[5m])");
        assert_eq!(rules[1]["expr"], "b");
        assert_eq!(rules.as_array().map(Vec::len), Some(2));
        assert!(as_rules(&json!({ "panels": [] })).is_err());
    }
}
