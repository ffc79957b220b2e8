//! `docs/operations.md`, followed command by command: what it says is what works.
//!
//! Every block of language `sh` runs as it is written, in the order of the document, in one folder. What differs from an
//! operator's machine are the names in [`Stage::here`] and the programs in [`ELSEWHERE`]; nothing else is left out.

mod block;
mod stage;

use std::{collections::BTreeSet, fs, path::Path};

use block::{Block, blocks, inline};
use stage::Stage;

const DOCUMENT: &str = "docs/operations.md";
/// Languages of blocks that hold no commands.
const NO_COMMANDS: [&str; 6] = ["ini", "json", "text", "toml", "yaml", "promql"];
/// Programs that are not run here, and why. A block of nothing else is passed over, and said to be.
const ELSEWHERE: [(&str, &str); 11] = [
    (
        "helm",
        "it needs a cluster; the chart is rendered and checked by itself",
    ),
    ("kubectl", "it needs a cluster"),
    (
        "docker",
        "it needs a container engine; what images and compose.yaml hold is checked by itself",
    ),
    ("podman", "it needs a container engine"),
    ("systemctl", "it needs a machine that systemd has started"),
    ("systemd-analyze", "it needs systemd"),
    ("journalctl", "it needs systemd"),
    ("useradd", "it changes the users of the machine"),
    ("adduser", "it changes the users of the machine"),
    ("groupadd", "it changes the users of the machine"),
    ("sudo", "it changes the machine"),
];
/// Programs whose use within a sentence is checked.
const OURS: [&str; 2] = ["echelond", "echelon"];

#[tokio::test]
async fn every_command_of_the_document_works_as_written() {
    let document = read(DOCUMENT);
    let stage = Stage::set(&read("README.md")).await;
    let mut ran = BTreeSet::new();
    for block in blocks(&document) {
        let place = format!("{DOCUMENT}:{}", block.line);
        if NO_COMMANDS.contains(&block.language) {
            continue;
        }
        assert_eq!(
            block.language, "sh",
            "{place}: commands are in blocks of sh"
        );
        let programs = block.programs();
        match elsewhere(&programs, &place) {
            Some(why) => println!("{place} is not run: {why}"),
            None => {
                stage.run(&block, &place).await;
                ran.extend(programs);
            }
        }
    }
    for program in OURS {
        assert!(ran.contains(program), "{DOCUMENT} runs no {program}");
    }
    for command in inline(&document) {
        let is_ours = command
            .split_once(' ')
            .is_some_and(|(program, _)| OURS.contains(&program));
        if is_ours {
            stage.assert_known(command).await;
        }
    }
}

/// Why a block is not run; none if it is. Panics if it is half and half.
fn elsewhere(programs: &[String], place: &str) -> Option<String> {
    let reasons: BTreeSet<&str> = programs
        .iter()
        .filter_map(|program| ELSEWHERE.iter().find(|(name, _)| name == program))
        .map(|(_, why)| *why)
        .collect();
    let is_elsewhere = |program: &String| ELSEWHERE.iter().any(|(name, _)| name == program);
    if reasons.is_empty() {
        return None;
    }
    let here: Vec<&String> = programs
        .iter()
        .filter(|program| !is_elsewhere(program))
        .collect();
    assert!(
        here.is_empty(),
        "{place}: put {here:?} into a block of its own, which can run"
    );
    Some(reasons.into_iter().collect::<Vec<_>>().join("; "))
}

#[test]
fn blocks_and_their_programs_are_read_as_a_shell_does() {
    let document = "\
```ini
a = 1
```
See `echelond config` and `x`.
```sh
FILE=a PORT=1 echelond \\
  --set log_format=json check | psql db   # why
cat > a.yaml <<'END'
helm install
END
for name in a b; do
  pg_dump $name && echelon rollup; done
```";
    let found = blocks(document);
    assert_eq!((found[1].line, found[1].language), (5, "sh"));
    let programs = ["echelond", "psql", "cat", "pg_dump", "echelon"];
    assert_eq!(found[1].programs(), programs);
    assert!(found[1].uses_server());
    assert!(!found[0].uses_server());
    assert_eq!(inline(document), ["echelond config", "x"]);
    assert_eq!(
        elsewhere(&["helm".to_owned()], "x").as_deref(),
        Some(ELSEWHERE[0].1)
    );
    assert_eq!(elsewhere(&["psql".to_owned()], "x"), None);
}

/// A file of the repository.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Block<'_> {
    /// Whether it calls a server that somebody has started before.
    fn uses_server(&self) -> bool {
        self.programs()
            .iter()
            .any(|program| ["echelon", "curl"].contains(&program.as_str()))
    }
}
