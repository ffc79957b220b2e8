//! The data, as it lies beside the checkout.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::Once,
};

use echelon_api::v1::{NodeDeclaration, Representative};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/kubernetes");
/// The longest id of a node.
const ID_MAX: usize = 63;

/// The organization, and what its teams need of each other.
pub(super) struct Data {
    pub(super) nodes: Vec<NodeDeclaration>,
    /// Those that are neither implemented nor withdrawn.
    pub(super) dependencies: Vec<Dependency>,
}

/// One row: a proposal of `owner` that needs something of `needs`.
pub(super) struct Dependency {
    pub(super) proposal: String,
    pub(super) title: String,
    pub(super) owner: String,
    pub(super) needs: String,
}

impl Data {
    /// Reads it. None: it is absent. Panics if it cannot be understood.
    pub(super) fn read() -> Option<Self> {
        let folder = Path::new(FOLDER);
        if !folder.is_dir() {
            tell_absent(folder);
            return None;
        }
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let organization: Value = serde_json::from_str(&read("organization.json")).unwrap();
        Some(Self {
            nodes: list(&organization["nodes"]).iter().map(node).collect(),
            dependencies: dependencies(&read("dependencies.csv")),
        })
    }
}

/// Once, past the runner, which shows nothing of tests that pass.
fn tell_absent(folder: &Path) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        let told = writeln!(
            io::stderr(),
            "the data of the Kubernetes project is absent: {} is no folder, and its tests try nothing",
            folder.display()
        );
        told.expect("stderr can be written to");
    });
}

fn node(node: &Value) -> NodeDeclaration {
    NodeDeclaration {
        id: id(text(&node["slug"])),
        parent: node["parent"].as_str().map(id).unwrap_or_default(),
        level: text(&node["level"]).to_owned(),
        display_name: text(&node["name"]).to_owned(),
        representatives: list(&node["representatives"])
            .iter()
            .map(|one| Representative {
                person: text(&one["handle"]).to_owned(),
                role: text(&one["role"]).to_owned(),
                ..Default::default()
            })
            .collect(),
    }
}

/// A slug as an id: the longest are cut.
fn id(slug: &str) -> String {
    slug[..slug.len().min(ID_MAX)]
        .trim_end_matches('-')
        .to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn dependencies(text: &str) -> Vec<Dependency> {
    let mut rows = text.lines().map(cells);
    let head = rows.next().expect("a head");
    let column = |name: &str| head.iter().position(|cell| cell == name).expect("a column");
    let columns = ["kep", "title", "owner", "needs", "status"].map(column);
    let mut found = Vec::new();
    for row in rows {
        let [proposal, title, owner, needs, status] = columns.map(|column| row[column].clone());
        if status != "implemented" && status != "withdrawn" {
            found.push(Dependency {
                proposal,
                title,
                owner: id(&owner),
                needs: id(&needs),
            });
        }
    }
    found
}

/// The cells of a row of CSV; a cell may be quoted, and quotes in it are doubled.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = row.chars().peekable();
    while let Some(character) = characters.next() {
        let cell = cells.last_mut().expect("there is always one");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => cell.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    cells
}

#[test]
fn cells_may_be_quoted() {
    assert_eq!(cells(r#"1,"a, ""b""",,x"#), ["1", r#"a, "b""#, "", "x"]);
}
