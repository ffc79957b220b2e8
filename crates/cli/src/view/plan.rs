//! What applying a document does.

use std::collections::BTreeMap;

use echelon_client::{names::short, v1};
use v1::planned_change::Kind;

use crate::output::{line::Line, style};

/// A line for each change.
pub(crate) fn lines(changes: &[v1::PlannedChange]) -> Vec<Line> {
    changes
        .iter()
        .map(|change| {
            let (mark, style, what) = match change.kind() {
                Kind::Unspecified => ("?", style::PLAIN, "node"),
                Kind::Created => ("+", style::GREEN, "node"),
                Kind::Restored => ("+", style::GREEN, "archived node"),
                Kind::Moved => (">", style::CYAN, "node"),
                Kind::Updated => ("~", style::YELLOW, "node"),
                Kind::Archived => ("-", style::RED, "node"),
                Kind::OrganizationCreated => ("+", style::GREEN, "organization"),
                Kind::OrganizationUpdated => ("~", style::YELLOW, "organization"),
            };
            let mut line = Line::styled(style, &format!("{mark} {what} "));
            line.push(style.bold(), &short(&change.name));
            if !change.detail.is_empty() {
                line.push(style::DIM, &format!("  {}", change.detail));
            }
            line
        })
        .collect()
}

/// The changes in one sentence, such as `2 created, 1 moved`; none if there are none.
pub(crate) fn summary(changes: &[v1::PlannedChange]) -> Option<String> {
    let mut counts: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
    for change in changes {
        let (place, word) = match change.kind() {
            Kind::Created | Kind::OrganizationCreated => (0, "created"),
            Kind::Restored => (1, "restored"),
            Kind::Moved => (2, "moved"),
            Kind::Updated | Kind::OrganizationUpdated | Kind::Unspecified => (3, "updated"),
            Kind::Archived => (4, "archived"),
        };
        counts.entry(place).or_insert((0, word)).0 += 1;
    }
    let parts: Vec<String> = counts
        .values()
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{node, plain};

    #[test]
    fn every_kind_has_its_mark() {
        let change = |kind: Kind, id: &str, detail: &str| v1::PlannedChange {
            kind: kind.into(),
            name: node(id),
            detail: detail.to_owned(),
        };
        let changes = [
            change(Kind::Created, "checkout", ""),
            change(Kind::Created, "returns", ""),
            change(Kind::Moved, "payments", "parent finding → buying"),
            change(Kind::Updated, "search", "level"),
            change(Kind::Archived, "old", ""),
            change(Kind::Restored, "older", ""),
        ];
        assert_eq!(
            plain(&lines(&changes)),
            "\
+ node checkout
+ node returns
> node payments  parent finding → buying
~ node search  level
- node old
+ archived node older
"
        );
        assert_eq!(
            summary(&changes).unwrap(),
            "2 created, 1 restored, 1 moved, 1 updated, 1 archived"
        );
        assert_eq!(summary(&[]), None);
    }
}
