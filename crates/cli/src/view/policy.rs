//! Policies: tables of them, of their versions, of what a test and a rebase say.

use echelon_client::{names::short, v1};

use super::explain;
use crate::{
    output::{
        View,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

/// Many, a row each.
pub(crate) fn table(policies: &[v1::EscalationPolicy]) -> Table {
    let mut table = Table::new([
        Column::left("POLICY"),
        Column::left("NODE"),
        Column::right("VERSION"),
        Column::right("RULES"),
        Column::left("NAME").giving_way(),
    ]);
    for policy in policies {
        let version = policy.version.clone().unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &short(&policy.name)),
            Line::text(&short(&policy.node)),
            Line::text(number(&version.name)),
            Line::text(&version.rules.len().to_string()),
            Line::text(&policy.display_name),
        ]);
    }
    table
}

/// Versions, a row each.
pub(crate) fn versions(versions: &[v1::EscalationPolicyVersion]) -> Table {
    let mut table = Table::new([
        Column::left("VERSION"),
        Column::left("CREATED"),
        Column::right("RULES"),
        Column::left("AUTHOR").giving_way(),
    ]);
    for version in versions {
        let created = version
            .create_time
            .as_ref()
            .map(time::moment)
            .unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &short(&version.name)),
            Line::text(&created),
            Line::text(&version.rules.len().to_string()),
            Line::text(&version.author),
        ]);
    }
    table
}

/// The number of a version, from its resource name.
fn number(version: &str) -> &str {
    version.rsplit('/').next().unwrap_or_default()
}

/// What a test says: the rules now, and what would happen.
pub(crate) fn tested(tested: &v1::TestPolicyResponse, view: &View) -> Vec<Line> {
    let mut lines = vec![Line::styled(style::BOLD, "Rules now")];
    lines.extend(explain::verdicts(&tested.rules, view).lines(view.width));
    lines.push(Line::new());
    lines.push(Line::styled(
        style::BOLD,
        "If nobody ever acts and every meeting is held once a day",
    ));
    if tested.steps.is_empty() {
        lines.push(Line::styled(style::DIM, "  nothing happens"));
        return lines;
    }
    let mut table = Table::new([
        Column::left("WHEN"),
        Column::left("TRIGGER").giving_way(),
        Column::left("RULE").giving_way(),
        Column::left("EFFECT").giving_way(),
    ]);
    for step in &tested.steps {
        let when = step
            .time
            .as_ref()
            .map(|time| time::distance(time, view.now))
            .unwrap_or_else(|| "then".to_owned());
        table.row([
            Line::text(&when),
            Line::text(&step.trigger),
            Line::text(&step.rule),
            Line::styled(style::YELLOW, &step.effect),
        ]);
    }
    lines.extend(table.lines(view.width));
    lines
}

/// What a rebase does, or would do.
pub(crate) fn rebased(rebased: &v1::RebasePolicyResponse) -> Table {
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("FROM"),
        Column::left("MOVES"),
        Column::left("TITLE").giving_way(),
        Column::left("NEXT").giving_way(),
    ]);
    for blocker in &rebased.blockers {
        let moves = if blocker.moves_now {
            Line::styled(style::YELLOW, "at once")
        } else {
            Line::styled(style::DIM, "-")
        };
        let next = blocker.next.clone().unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &short(&blocker.blocker)),
            Line::text(&short(&blocker.from_version)),
            moves,
            Line::text(&blocker.title),
            Line::text(&next.description),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, node, plain, view};

    fn policy() -> v1::EscalationPolicy {
        v1::EscalationPolicy {
            name: "organizations/acme/policies/storefront".to_owned(),
            node: node("storefront"),
            display_name: "Storefront".to_owned(),
            version: Some(v1::EscalationPolicyVersion {
                name: "organizations/acme/policies/storefront/versions/2".to_owned(),
                rules: vec![v1::EscalationRule::default(); 3],
                create_time: ago(0),
                author: "rte@example.com".to_owned(),
            }),
            etag: String::new(),
        }
    }

    #[test]
    fn policies_and_versions_are_tables() {
        assert_eq!(
            plain(&table(&[policy()]).lines(Some(80))),
            "\
POLICY      NODE        VERSION  RULES  NAME
storefront  storefront        2      3  Storefront
"
        );
        assert_eq!(
            plain(&versions(&[policy().version.unwrap()]).lines(Some(80))),
            "\
VERSION       CREATED               RULES  AUTHOR
storefront@2  2026-11-03 09:00 UTC      3  rte@example.com
"
        );
    }

    #[test]
    fn a_test_tells_the_way_up() {
        let response = v1::TestPolicyResponse {
            rules: Vec::new(),
            steps: vec![
                v1::PolicyTestStep {
                    time: ago(-86_400),
                    trigger: "1d after progress".to_owned(),
                    rule: "slow".to_owned(),
                    effect: "escalates to buying".to_owned(),
                },
                v1::PolicyTestStep {
                    time: None,
                    trigger: "meeting of buying closes".to_owned(),
                    rule: "survived".to_owned(),
                    effect: "escalates to storefront".to_owned(),
                },
            ],
            revision: 1,
        };
        let text = plain(&tested(&response, &view(100)));
        assert!(
            text.ends_with(
                "\
WHEN   TRIGGER                   RULE      EFFECT
in 1d  1d after progress         slow      escalates to buying
then   meeting of buying closes  survived  escalates to storefront
"
            ),
            "{text}"
        );
    }
}
