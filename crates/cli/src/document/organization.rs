//! The document of an organization: every node, as a flat list or as a tree.

use echelon_client::{names, v1};
use serde::Deserialize;

use super::{Moment, Span};
use crate::{failure::Failure, input::Document, time};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Organization {
    organization: Option<String>,
    #[serde(default)]
    display_name: String,
    settings: Option<Settings>,
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    aged_after: Option<Span>,
    due_soon_within: Option<Span>,
    acknowledgement_expiry: Option<Span>,
    hold_limit: Option<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    id: String,
    parent: Option<String>,
    level: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    representatives: Vec<Representative>,
    #[serde(default)]
    children: Vec<Node>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Representative {
    person: String,
    role: String,
    start_time: Option<Moment>,
    end_time: Option<Moment>,
}

/// Makes a document into a request. `organization` is the id used if the document names none.
pub(crate) fn request(
    document: &Document,
    organization: Option<String>,
) -> Result<v1::ApplyOrganizationRequest, Failure> {
    let parsed: Organization = document.parse()?;
    let Organization {
        organization: named,
        display_name,
        settings,
        nodes,
    } = parsed;
    let name = match named {
        Some(id) => names::organization(&id),
        None => organization.ok_or_else(|| {
            document.fault("names no organization: add `organization: ID`, or use --organization")
        })?,
    };
    let mut declared = Vec::new();
    for node in nodes {
        flatten(document, None, node, &mut declared)?;
    }
    Ok(v1::ApplyOrganizationRequest {
        name,
        display_name,
        settings: settings.map(settings_to_proto),
        nodes: declared,
        validate_only: false,
        request_id: String::new(),
    })
}

/// Adds a node and all below it, the parent first.
fn flatten(
    document: &Document,
    above: Option<&str>,
    node: Node,
    declared: &mut Vec<v1::NodeDeclaration>,
) -> Result<(), Failure> {
    let Node {
        id,
        parent,
        level,
        display_name,
        representatives,
        children,
    } = node;
    if let (Some(above), Some(parent)) = (above, &parent)
        && above != parent
    {
        return Err(document.fault(format!(
            "node {id} stands below {above} and names {parent} as its parent: leave `parent` out"
        )));
    }
    declared.push(v1::NodeDeclaration {
        id: id.clone(),
        parent: parent.or(above.map(str::to_owned)).unwrap_or_default(),
        level,
        display_name,
        representatives: representatives.into_iter().map(representative).collect(),
    });
    for child in children {
        flatten(document, Some(&id), child, declared)?;
    }
    Ok(())
}

fn representative(representative: Representative) -> v1::Representative {
    let Representative {
        person,
        role,
        start_time,
        end_time,
    } = representative;
    v1::Representative {
        person,
        role,
        start_time: start_time.map(|Moment(moment)| time::to_proto(moment)),
        end_time: end_time.map(|Moment(moment)| time::to_proto(moment)),
    }
}

fn settings_to_proto(settings: Settings) -> v1::OrganizationSettings {
    let Settings {
        aged_after,
        due_soon_within,
        acknowledgement_expiry,
        hold_limit,
    } = settings;
    v1::OrganizationSettings {
        aged_after: aged_after.map(Span::to_proto),
        due_soon_within: due_soon_within.map(Span::to_proto),
        acknowledgement_expiry: acknowledgement_expiry.map(Span::to_proto),
        hold_limit: hold_limit.map(Span::to_proto),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::example;

    fn fault(text: &str) -> String {
        request(&Document::new(text), None).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_tree_and_list_say_the_same() {
        let tree = request(&example("organization tree"), None).unwrap();
        let list = request(&example("organization list"), None).unwrap();
        assert_eq!(tree.name, "organizations/acme");
        assert_eq!(tree.nodes, list.nodes);
        let parents: Vec<(&str, &str)> = tree
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node.parent.as_str()))
            .collect();
        assert_eq!(
            parents,
            [
                ("shop", ""),
                ("buying", "shop"),
                ("checkout", "buying"),
                ("payments", "buying"),
            ]
        );
        let settings = tree.settings.unwrap();
        assert_eq!(settings.aged_after.unwrap().seconds, 7 * 86_400);
        assert_eq!(settings.hold_limit, None);
        assert_eq!(tree.nodes[1].representatives[0].role, "SCRUM_MASTER");
    }

    #[test]
    fn json_is_taken_as_well() {
        let document = Document::new(
            r#"{"organization": "acme", "nodes": [{"id": "shop", "level": "TRAIN", "children": [{"id": "checkout", "level": "TEAM"}]}]}"#,
        );
        let request = request(&document, None).unwrap();
        assert_eq!(request.nodes[1].parent, "shop");
    }

    #[test]
    fn an_organization_may_come_from_outside() {
        let document = Document::new("nodes: [{id: shop, level: TRAIN}]");
        let request = request(&document, Some("organizations/acme".to_owned())).unwrap();
        assert_eq!(request.name, "organizations/acme");
        assert!(fault("nodes: []").contains("--organization"));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let message =
            fault("organization: acme\nnodes:\n  - id: shop\n    level: TRAIN\n    nmae: Shop\n");
        assert!(message.contains("unknown field `nmae`"), "{message}");
        assert!(message.contains("line 5"), "{message}");
        let message = fault("{\n\"organisation\": \"acme\"}");
        assert!(
            message.contains("unknown field `organisation`") && message.contains("line 2"),
            "{message}"
        );
    }

    #[test]
    fn other_faults_are_named() {
        for (text, part) in [
            ("", "is empty"),
            ("nodes: 3", "expected a sequence"),
            ("organization: acme", "missing field `nodes`"),
            (
                "organization: acme\nnodes: [{id: x}]",
                "missing field `level`",
            ),
            (
                "organization: acme\nsettings: {aged_after: soon}\nnodes: []",
                "`soon` is no duration",
            ),
            (
                "organization: acme\nnodes: [{id: a, level: T, children: [{id: b, level: T, parent: c}]}]",
                "names c as its parent",
            ),
            (
                "organization: acme\nnodes: [{id: a, level: T, representatives: [{person: x@example.com, role: RTE, start_time: tomorrow}]}]",
                "`tomorrow` is no date",
            ),
            ("nodes: [", "line 2"),
        ] {
            let message = fault(text);
            assert!(message.contains(part), "{message}");
        }
    }
}
