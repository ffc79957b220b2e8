//! `docs/operations.md`, followed command by command: what it says is what works.
//!
//! Every block of language `sh` runs as it is written, in the order of the document, in one folder. What differs from an
//! operator's machine are the names in [`Stage::here`] and the programs in [`ELSEWHERE`]; nothing else is left out.

mod block;
mod stage;

use std::{collections::BTreeSet, fs, path::Path};

use block::{Step, blocks, inline};
use stage::Stage;

const DOCUMENT: &str = "docs/operations.md";
/// Languages of blocks that hold no commands.
const NO_COMMANDS: [&str; 6] = ["ini", "json", "text", "toml", "yaml", "promql"];
/// Programs that are not run here, and why. A command that calls one is left out, and said to be.
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
        let (here, elsewhere): (Vec<Step>, Vec<Step>) = block
            .steps()
            .into_iter()
            .partition(|step| reason(step).is_none());
        for step in &elsewhere {
            let why = reason(step).unwrap_or_default();
            println!("{place} leaves out, since {why}: {}", step.text.trim_end());
            let ours = step
                .programs
                .iter()
                .find(|program| OURS.contains(&program.as_str()));
            assert_eq!(
                ours, None,
                "{place}: write what can run as a command of its own"
            );
        }
        stage.run(&here, &place).await;
        ran.extend(here.into_iter().flat_map(|step| step.programs));
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

/// Why a command is not run; none if it is.
fn reason(step: &Step) -> Option<&'static str> {
    let elsewhere = |program: &String| ELSEWHERE.iter().find(|(name, _)| name == program);
    step.programs
        .iter()
        .find_map(elsewhere)
        .map(|(_, why)| *why)
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
systemctl daemon-reload
```";
    let found = blocks(document);
    assert_eq!((found[1].line, found[1].language), (5, "sh"));
    let steps = found[1].steps();
    let programs: Vec<Vec<&str>> = steps
        .iter()
        .map(|step| step.programs.iter().map(String::as_str).collect())
        .collect();
    let wanted: [&[&str]; 5] = [
        &["echelond", "psql"],
        &["cat"],
        &[],
        &["pg_dump", "echelon"],
        &["systemctl"],
    ];
    assert_eq!(programs, wanted);
    assert_eq!(steps[1].text, "cat > a.yaml <<'END'\nhelm install\nEND\n");
    let text: String = steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(text, found[1].text);
    assert_eq!(inline(document), ["echelond config", "x"]);
    assert_eq!(reason(&steps[0]), None);
    assert!(reason(&steps[4]).is_some());
}

/// A file of the repository.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
