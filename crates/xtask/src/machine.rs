//! No tracked file names a machine: its folders or a private host.

use std::env;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// Folders that exist on one machine only.
const FOLDERS: [&str; 4] = ["root", "home", "work", "Users"];
/// Ends of hosts that only one network knows.
const PRIVATE: [&str; 4] = ["internal", "corp", "lan", "intranet"];

/// Looks at every tracked text file.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut forbidden: Vec<String> = FOLDERS.iter().map(|name| format!("/{name}/")).collect();
    let root = workspace.root.to_string_lossy().into_owned();
    let home = env::var("HOME").unwrap_or_default();
    // `/` or a short path would be found in anything.
    forbidden.extend([root, home].into_iter().filter(|path| path.len() > 4));
    let mut faults = 0;
    for path in workspace.tracked()? {
        let Some(text) = workspace.text(&path)? else {
            continue;
        };
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(found) = found(line, &forbidden) {
                eprintln!("{path}:{number}: names {found}");
                faults += 1;
            }
        }
    }
    if faults > 0 {
        bail!("{faults} lines name a machine: use relative paths and example.com");
    }
    Ok(())
}

/// The first thing in a line that belongs to one machine or network.
fn found(line: &str, forbidden: &[String]) -> Option<String> {
    let folder = forbidden.iter().find(|folder| {
        line.match_indices(folder.as_str())
            .any(|(at, _)| begins_path(&line[..at]))
    });
    folder.cloned().or_else(|| private_host(line))
}

/// Whether a path may begin here: within a longer path or an address it is another folder.
fn begins_path(before: &str) -> bool {
    !before
        .chars()
        .next_back()
        .is_some_and(|last| last.is_alphanumeric() || "._-/*}>".contains(last))
}

/// The host of the first address in a line that names a private network.
fn private_host(line: &str) -> Option<String> {
    line.split("://").skip(1).find_map(|rest| {
        let end = rest.find(|at: char| !(at.is_ascii_alphanumeric() || ".-_".contains(at)));
        let host = &rest[..end.unwrap_or(rest.len())];
        let labels: Vec<&str> = host.split('.').collect();
        let named = labels.len() > 1 && PRIVATE.contains(&labels[labels.len() - 1]);
        let octets: Vec<u8> = labels
            .iter()
            .filter_map(|label| label.parse().ok())
            .collect();
        let numbered = labels.len() == 4
            && matches!(
                octets.as_slice(),
                [10, _, _, _] | [192, 168, _, _] | [172, 16..=31, _, _]
            );
        (named || numbered).then(|| host.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_hosts_of_one_machine_are_found() {
        let forbidden = ["/ro".to_owned() + "ot/"];
        let host = |name: &str| format!("see https:/{}{name}/x", "/");
        assert!(found(&format!("cd {}x", forbidden[0]), &forbidden).is_some());
        assert!(found(&format!("a/b{}x", forbidden[0]), &forbidden).is_none());
        assert!(found(&host(&["10", "0", "0", "1"].join(".")), &[]).is_some());
        assert!(found(&host(&["git", "corp"].join(".")), &[]).is_some());
        assert!(found(&host("127.0.0.1:7400"), &[]).is_none());
        assert!(found(&host("example.com"), &[]).is_none());
    }
}
