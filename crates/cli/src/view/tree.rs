//! The tree of nodes, drawn.

use std::collections::{BTreeMap, BTreeSet};

use echelon_client::{names::short, v1};

use crate::output::{line::Line, style};

/// A line for each node, below its parent; nodes whose parent is not among them stand at the left.
pub(crate) fn lines(nodes: &[v1::Node]) -> Vec<Line> {
    let known: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let mut children: BTreeMap<&str, Vec<&v1::Node>> = BTreeMap::new();
    let mut tops = Vec::new();
    for node in nodes {
        if known.contains(node.parent.as_str()) {
            children.entry(&node.parent).or_default().push(node);
        } else {
            tops.push(node);
        }
    }
    let mut lines = Vec::new();
    // Deep trees must not run down the call stack; the next to draw is the last.
    let mut open: Vec<(String, String, &v1::Node)> = tops
        .into_iter()
        .rev()
        .map(|node| (String::new(), String::new(), node))
        .collect();
    while let Some((branch, indent, node)) = open.pop() {
        lines.push(line(&branch, node));
        let below = children
            .get(node.name.as_str())
            .map_or(&[][..], Vec::as_slice);
        for (index, child) in below.iter().enumerate().rev() {
            let last = index + 1 == below.len();
            let (twig, rest) = if last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            open.push((format!("{indent}{twig}"), format!("{indent}{rest}"), child));
        }
    }
    lines
}

fn line(branch: &str, node: &v1::Node) -> Line {
    let id = short(&node.name);
    let archived = node.state() == v1::NodeState::Archived;
    let mut line = Line::styled(style::DIM, branch);
    line.push(style::BOLD, &id);
    line.push(style::BLUE, &format!("  {}", node.level));
    if node.display_name != id {
        line.push(style::PLAIN, &format!("  {}", node.display_name));
    }
    if archived {
        line.push(style::PLAIN, "  (archived)");
        return line.restyled(style::DIM);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{node, plain};

    fn nodes(rows: &[(&str, &str)]) -> Vec<v1::Node> {
        rows.iter()
            .map(|(id, parent)| v1::Node {
                name: node(id),
                parent: if parent.is_empty() {
                    String::new()
                } else {
                    node(parent)
                },
                level: "TEAM".to_owned(),
                display_name: (*id).to_owned(),
                state: v1::NodeState::Active.into(),
                ..v1::Node::default()
            })
            .collect()
    }

    #[test]
    fn branches_are_drawn() {
        let mut nodes = nodes(&[
            ("shop", ""),
            ("platform", "shop"),
            ("data", "platform"),
            ("running", "platform"),
            ("storefront", "shop"),
            ("buying", "storefront"),
        ]);
        nodes[0].display_name = "The Shop".to_owned();
        nodes[3].state = v1::NodeState::Archived.into();
        assert_eq!(
            plain(&lines(&nodes)),
            "\
shop  TEAM  The Shop
├─ platform  TEAM
│  ├─ data  TEAM
│  └─ running  TEAM  (archived)
└─ storefront  TEAM
   └─ buying  TEAM
"
        );
    }

    #[test]
    fn nodes_without_their_parent_stand_alone() {
        assert_eq!(
            plain(&lines(&nodes(&[
                ("data", "platform"),
                ("buying", "storefront")
            ]))),
            "data  TEAM\nbuying  TEAM\n"
        );
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn a_deep_tree_is_drawn() {
        let names: Vec<String> = (0..2_000).map(|number| format!("n{number}")).collect();
        let mut rows = vec![("n0", "")];
        for pair in names.windows(2) {
            rows.push((pair[1].as_str(), pair[0].as_str()));
        }
        assert_eq!(lines(&nodes(&rows)).len(), 2_000);
    }
}
