//! A small organization of five levels.

use echelon_api::v1;

/// Id, parent and level of every node. The root is named like the organization.
pub(crate) const NODES: [(&str, &str, &str); 15] = [
    ("acme", "", "PORTFOLIO"),
    ("mobility", "acme", "SOLUTION"),
    ("rail", "mobility", "TRAIN"),
    ("road", "mobility", "TRAIN"),
    ("rail-a", "rail", "SOS"),
    ("rail-b", "rail", "SOS"),
    ("road-a", "road", "SOS"),
    ("team-1", "rail-a", "TEAM"),
    ("team-2", "rail-a", "TEAM"),
    ("team-3", "rail-a", "TEAM"),
    ("team-4", "rail-b", "TEAM"),
    ("team-5", "rail-b", "TEAM"),
    ("team-6", "road-a", "TEAM"),
    ("team-7", "road-a", "TEAM"),
    ("team-8", "road-a", "TEAM"),
];

/// The teams of it.
pub(crate) const TEAMS: [&str; 8] = [
    "team-1", "team-2", "team-3", "team-4", "team-5", "team-6", "team-7", "team-8",
];

/// It, declared.
pub(crate) fn declarations() -> Vec<v1::NodeDeclaration> {
    NODES
        .iter()
        .map(|(id, parent, level)| declaration(id, parent, level))
        .collect()
}

/// One declared node.
pub(crate) fn declaration(id: &str, parent: &str, level: &str) -> v1::NodeDeclaration {
    v1::NodeDeclaration {
        id: id.to_owned(),
        parent: parent.to_owned(),
        level: level.to_owned(),
        display_name: String::new(),
        representatives: Vec::new(),
    }
}
