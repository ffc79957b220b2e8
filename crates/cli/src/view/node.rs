//! One node in full.

use echelon_client::{names::short, v1};

use crate::{
    output::{View, fields::Fields, line::Line, style},
    time,
};

/// A node, with its representatives.
pub(crate) fn details(node: &v1::Node, view: &View) -> Vec<Line> {
    let mut title = Line::styled(style::BOLD, &node.display_name);
    title.push(style::BLUE, &format!("  {}", node.level));
    if node.state() == v1::NodeState::Archived {
        title.push(style::DIM, "  archived");
    }
    let mut fields = Fields::new();
    fields.add("id", &short(&node.name));
    fields.add("parent", &short(&node.parent));
    fields.add("depth", &node.depth.to_string());
    fields.add("height", &node.height.to_string());
    fields.add("children", &node.child_count.to_string());
    fields.add("policy", &short(&node.effective_policy));
    for representative in &node.representatives {
        fields.add_line("represented by", representative_line(representative, view));
    }
    if let Some(created) = &node.create_time {
        fields.add("created", &time::moment(created));
    }
    if let Some(updated) = &node.update_time {
        fields.add("updated", &time::moment(updated));
    }
    fields.add("etag", &node.etag);
    let mut lines = vec![title];
    lines.extend(fields.lines());
    lines
}

fn representative_line(representative: &v1::Representative, view: &View) -> Line {
    let mut line =
        Line::text(&representative.person).with(style::BLUE, &format!("  {}", representative.role));
    if let Some(start) = &representative.start_time {
        line.push(style::PLAIN, &format!("  from {}", time::moment(start)));
    }
    if let Some(end) = &representative.end_time {
        line.push(style::PLAIN, &format!("  until {}", time::moment(end)));
        if end.seconds <= view.now.as_second() {
            return line.restyled(style::DIM);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, node, plain, view};

    #[test]
    fn it_is_shown_in_full() {
        let node = v1::Node {
            name: node("checkout"),
            parent: node("buying"),
            level: "TEAM".to_owned(),
            display_name: "Checkout".to_owned(),
            state: v1::NodeState::Active.into(),
            depth: 3,
            effective_policy: "organizations/acme/policies/default".to_owned(),
            representatives: vec![v1::Representative {
                person: "scrum-master@example.com".to_owned(),
                role: "SCRUM_MASTER".to_owned(),
                start_time: None,
                end_time: ago(-86_400),
            }],
            etag: "3".to_owned(),
            ..v1::Node::default()
        };
        assert_eq!(
            plain(&details(&node, &view(80))),
            "\
Checkout  TEAM
  id              checkout
  parent          buying
  depth           3
  height          0
  children        0
  policy          default
  represented by  scrum-master@example.com  SCRUM_MASTER  until 2026-11-04 09:00 UTC
  etag            3
"
        );
    }
}
