//! The layers of the crates: dependencies point one way.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::workspace::Workspace;

/// Which crates of the workspace a crate may depend on. Tests may use any.
const LAYERS: [(&str, &[&str]); 14] = [
    ("echelon-domain", &[]),
    ("echelon-api", &["echelon-domain"]),
    ("echelon-migrations", &[]),
    ("echelon-store", &["echelon-domain", "echelon-migrations"]),
    ("echelon-client", &["echelon-api"]),
    (
        "echelon-server",
        &["echelon-api", "echelon-domain", "echelon-store"],
    ),
    ("echelon-cli", &["echelon-api", "echelon-client"]),
    (
        "echelon-testkit",
        &[
            "echelon-api",
            "echelon-client",
            "echelon-domain",
            "echelon-server",
            "echelon-store",
        ],
    ),
    // It measures everything and is part of nothing.
    ("echelon-bench", &["echelon-api", "echelon-domain"]),
    // It attacks from outside, as a client would.
    ("echelon-torture", &["echelon-api", "echelon-client"]),
    // It explores the protocol of the writer with the rules themselves.
    ("echelon-model", &["echelon-domain"]),
    ("echelon-fuzz", &[]),
    ("echelon-tests", &[]),
    ("xtask", &[]),
];

/// All that the domain may use: no I/O, no clock, no wire, no database.
const DOMAIN: [&str; 5] = ["arcstr", "cel", "imbl", "regex", "thiserror"];

/// Who alone may use what, by the start of its name. The testkit makes databases, the benchmark measures against them.
const RESERVED: [(&str, &[&str]); 7] = [
    ("rusqlite", &["echelon-store"]),
    (
        "sea-orm",
        &[
            "echelon-bench",
            "echelon-migrations",
            "echelon-store",
            "echelon-testkit",
        ],
    ),
    ("sqlx", &[]),
    (
        "tonic",
        &[
            "echelon-api",
            "echelon-bench",
            "echelon-cli",
            "echelon-client",
            "echelon-server",
            "echelon-testkit",
            "echelon-torture",
        ],
    ),
    (
        "prost",
        &[
            "echelon-api",
            "echelon-bench",
            "echelon-cli",
            "echelon-client",
            "echelon-server",
            "echelon-testkit",
            "echelon-torture",
        ],
    ),
    ("axum", &["echelon-server"]),
    ("h2", &["echelon-bench"]),
];

/// Checks the direct dependencies of every crate of the workspace.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let faults = faults(&dependencies(&workspace.metadata()?));
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!(
            "{} dependencies cross the layers: see ARCHITECTURE.md, or change crates/xtask/src/layers.rs on purpose",
            faults.len()
        );
    }
    Ok(())
}

/// By crate of the workspace, what it depends on directly outside its tests.
fn dependencies(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let members = values(&metadata["workspace_members"]);
    values(&metadata["packages"])
        .iter()
        .filter(|package| members.contains(&package["id"]))
        .map(|package| {
            let names = values(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect();
            (text(&package["name"]), names)
        })
        .collect()
}

fn faults(dependencies: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let members: Vec<&String> = dependencies.keys().collect();
    let mut faults = Vec::new();
    for (package, names) in dependencies {
        let Some((_, below)) = LAYERS.iter().find(|(name, _)| name == package) else {
            faults.push(format!("{package} has no layer yet"));
            continue;
        };
        for name in names {
            if members.contains(&name) && !below.contains(&name.as_str()) {
                faults.push(format!("{package} must not depend on {name}"));
            }
            if package == "echelon-domain" && !DOMAIN.contains(&name.as_str()) {
                faults.push(format!("{package} is pure and must not depend on {name}"));
            }
            for (reserved, users) in RESERVED {
                let is_reserved = name == reserved || name.starts_with(&format!("{reserved}-"));
                if is_reserved && !users.contains(&package.as_str()) {
                    faults.push(format!("{package} must not use {name} itself"));
                }
            }
        }
    }
    faults
}

fn values(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_the_layers_is_found() {
        let given = |package: &str, names: &[&str]| {
            let mut dependencies: BTreeMap<String, Vec<String>> = LAYERS
                .iter()
                .map(|(name, _)| ((*name).to_owned(), Vec::new()))
                .collect();
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            dependencies.insert(package.to_owned(), names);
            faults(&dependencies)
        };
        assert!(given("echelon-domain", &["cel"]).is_empty());
        assert!(given("echelon-store", &["sea-orm", "echelon-domain"]).is_empty());
        for (package, name) in [
            ("echelon-domain", "tokio"),
            ("echelon-api", "echelon-store"),
            ("echelon-client", "echelon-server"),
            ("echelon-server", "sea-orm"),
            ("echelon-store", "tonic-types"),
            ("echelon-new", "anyhow"),
        ] {
            assert_eq!(given(package, &[name]).len(), 1, "{package} → {name}");
        }
    }
}
