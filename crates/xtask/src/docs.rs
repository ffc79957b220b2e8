//! The documents link and name only what exists.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Documents at the root that are checked, with all of `docs/` and what folders say of themselves.
const AT_ROOT: [&str; 4] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
];
/// Endings of names that are files of this repository wherever a document says them.
const SOURCES: [&str; 3] = [".rs", ".proto", ".md"];

/// Checks every relative link and every path in backticks.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let files = workspace.tracked()?;
    let known = Known::new(&files);
    let mut faults = 0;
    for path in &files {
        let is_document = AT_ROOT.contains(&path.as_str())
            || (path.starts_with("docs/") && path.ends_with(".md"))
            || path.ends_with("/README.md");
        if !is_document {
            continue;
        }
        let text = workspace.text(path)?.unwrap_or_default();
        for (number, line) in prose(&text) {
            let links = links(line).into_iter().filter_map(|link| {
                broken(workspace, &known, path, link).map(|why| format!("link {link} {why}"))
            });
            let names = quoted(line)
                .into_iter()
                .filter(|name| !known.has(path, name))
                .map(|name| format!("`{name}` does not exist"));
            for fault in links.chain(names) {
                eprintln!("{path}:{number}: {fault}");
                faults += 1;
            }
        }
    }
    if faults > 0 {
        bail!("{faults} faults in the documents");
    }
    Ok(())
}

/// What exists: files, folders, and the names at the root.
struct Known<'a> {
    files: BTreeSet<&'a str>,
    folders: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn new(files: &'a [String]) -> Self {
        let folders = files
            .iter()
            .flat_map(|file| file.match_indices('/').map(|(end, _)| &file[..end]))
            .collect();
        Self {
            files: files.iter().map(String::as_str).collect(),
            folders,
        }
    }

    fn exists(&self, path: &str) -> bool {
        path.is_empty() || self.files.contains(path) || self.folders.contains(path)
    }

    /// Whether what a document says in backticks exists, or does not claim to be a path of this repository.
    fn has(&self, document: &str, name: &str) -> bool {
        let plain = name
            .chars()
            .all(|at| at.is_ascii_alphanumeric() || "._-/".contains(at));
        let name = name.trim_start_matches("./").trim_end_matches('/');
        let first = name.split('/').next().unwrap_or(name);
        let is_source = SOURCES.iter().any(|ending| name.ends_with(ending));
        let is_path = name.contains('/') && self.folders.contains(first);
        if !plain || !(is_path || is_source) {
            return true;
        }
        self.exists(name)
            || resolve(document, name).is_some_and(|path| self.exists(&path))
            || (is_source && self.files.iter().any(|file| ends_with_path(file, name)))
    }
}

/// Why a link leads nowhere; none if it does not.
fn broken(
    workspace: &Workspace,
    known: &Known<'_>,
    document: &str,
    link: &str,
) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        document.to_owned()
    } else {
        match resolve(document, path) {
            Some(target) if known.exists(&target) => target,
            _ => return Some("leads nowhere"),
        }
    };
    if anchor.is_empty() || !target.ends_with(".md") {
        return None;
    }
    let text = workspace.text(&target).ok().flatten().unwrap_or_default();
    let found = prose(&text)
        .filter_map(|(_, line)| line.strip_prefix('#'))
        .any(|heading| slug(heading.trim_start_matches('#')) == anchor);
    (!found).then_some("names no heading")
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Targets of `[text](target)` and `[text]: target`.
fn links(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| {
        let target = &rest[..rest.find(')')?];
        target.split_whitespace().next()
    });
    let reference = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target.trim());
    inline.chain(reference).collect()
}

/// What stands in single backticks.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// A path relative to a document's folder, relative to the root instead; none if it leaves the root.
fn resolve(document: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn ends_with_path(file: &str, name: &str) -> bool {
    file.strip_suffix(name)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// The anchor that forges give a heading.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|at| match at {
            ' ' => Some('-'),
            '-' | '_' => Some(at),
            at if at.is_alphanumeric() => Some(at),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_backticks_must_exist() {
        let files = [
            "crates/domain/src/blocker.rs",
            "docs/policy.md",
            "Cargo.toml",
        ]
        .map(str::to_owned);
        let known = Known::new(&files);
        for name in [
            "crates/domain/src/blocker.rs",
            "crates/domain/",
            "./crates",
            "blocker.rs",
            "policy.md",
            "organizations/acme/nodes/checkout",
            "config.toml",
            "crates/*/src",
            "a.b",
        ] {
            assert!(known.has("docs/policy.md", name), "{name}");
        }
        for name in [
            "crates/domain/src/risk.rs",
            "risk.rs",
            "docs/gone",
            "ker.rs",
        ] {
            assert!(!known.has("README.md", name), "{name}");
        }
    }

    #[test]
    fn links_and_anchors_are_read_as_forges_read_them() {
        assert_eq!(
            links("see [a](docs/a.md#b \"c\") and [d](../e)"),
            ["docs/a.md#b", "../e"]
        );
        assert_eq!(links("[ref]: x.md"), ["x.md"]);
        assert_eq!(
            resolve("docs/a.md", "../README.md").as_deref(),
            Some("README.md")
        );
        assert_eq!(resolve("README.md", "../x"), None);
        assert_eq!(slug(" Facts, triggers & `when`"), "facts-triggers--when");
    }
}
