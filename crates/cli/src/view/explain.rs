//! Why a blocker is where it is, and what happens next (E6).

use echelon_client::{names::short, v1};
use v1::rule_verdict::Outcome;

use super::{blocker, event::step_text, words};
use crate::{
    output::{
        View,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

/// The whole explanation.
pub(crate) fn lines(explained: &v1::ExplainBlockerResponse, view: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(blocker) = &explained.blocker {
        lines.push(blocker::heading(blocker));
    }
    lines.extend(
        explained
            .summary
            .lines()
            .map(|line| Line::text("  ").and(line)),
    );
    lines.push(Line::new());
    lines.push(heading("Next"));
    lines.push(next(explained.next.as_ref(), view));
    if !explained.moves.is_empty() {
        lines.push(Line::new());
        lines.push(heading("Moves"));
        lines.extend(explained.moves.iter().flat_map(step));
    }
    if !explained.rules.is_empty() {
        lines.push(Line::new());
        lines.push(heading("Rules"));
        lines.extend(verdicts(&explained.rules, view).lines(view.width));
    }
    if !explained.facts.is_empty() {
        lines.push(Line::new());
        let as_of = explained
            .as_of_time
            .as_ref()
            .map(time::moment_to_second)
            .unwrap_or_default();
        lines.push(heading("Facts").with(
            style::DIM,
            &format!("  as of {as_of}, revision {}", explained.revision),
        ));
        let width = explained.facts.keys().map(String::len).max().unwrap_or(0);
        lines.extend(explained.facts.iter().map(|(name, value)| {
            Line::styled(style::DIM, &format!("  {name:width$}  ")).and(value)
        }));
    }
    lines
}

fn heading(text: &str) -> Line {
    Line::styled(style::BOLD, text)
}

/// What happens if nobody does anything.
pub(crate) fn next(next: Option<&v1::NextStep>, view: &View) -> Line {
    let Some(next) = next else {
        return Line::text("  nothing: it is closed");
    };
    let mut line = Line::text("  ").and(&next.description);
    if let Some(time) = &next.time {
        line.push(
            style::YELLOW,
            &format!("  {}", time::distance(time, view.now)),
        );
    }
    line
}

fn step(step: &v1::Move) -> Vec<Line> {
    let when = step.time.as_ref().map(time::moment).unwrap_or_default();
    let verb = match step.kind() {
        v1::r#move::Kind::Unspecified => "moved",
        v1::r#move::Kind::Escalated => "escalated",
        v1::r#move::Kind::Returned => "returned",
        v1::r#move::Kind::Reheld => "held elsewhere",
    };
    let mut lines = vec![
        Line::styled(style::DIM, &format!("  {when}  "))
            .and(&format!("{verb} {}", step_text(step))),
    ];
    if !step.matched_facts.is_empty() {
        let facts: Vec<String> = step
            .matched_facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let indent = " ".repeat(when.len() + 4);
        lines.push(Line::styled(
            style::DIM,
            &format!("{indent}because {}", facts.join(", ")),
        ));
    }
    lines
}

/// What each rule says now.
pub(crate) fn verdicts(rules: &[v1::RuleVerdict], view: &View) -> Table {
    let mut table = Table::new([
        Column::left("RULE").giving_way(),
        Column::left("NOW"),
        Column::left("DUE"),
        Column::left("WOULD MOVE TO").giving_way().extra(),
        Column::left("WHY").giving_way(),
    ]);
    for rule in rules {
        // When a rule without a running timer last was or would be due only confuses.
        let due = rule
            .due_time
            .as_ref()
            .filter(|_| rule.outcome() == Outcome::Waiting)
            .map(|due| time::distance(due, view.now))
            .unwrap_or_default();
        table.row([
            Line::text(&rule.rule),
            words::outcome(rule.outcome()),
            Line::text(&due),
            Line::text(&short(&rule.target)),
            Line::text(&rule.reason),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::view::sample::{ago, blocker, node, plain, view};

    #[test]
    fn it_says_why_and_what_next() {
        let facts = BTreeMap::from([
            ("meetings_survived".to_owned(), "1".to_owned()),
            ("level".to_owned(), "\"TEAM\"".to_owned()),
        ]);
        let explained = v1::ExplainBlockerResponse {
            blocker: Some(blocker()),
            summary: "buying holds it since 06:55.\nNobody owns it.".to_owned(),
            moves: vec![v1::Move {
                kind: v1::r#move::Kind::Escalated.into(),
                from: node("checkout"),
                to: node("buying"),
                rule: "team-meeting".to_owned(),
                matched_facts: facts.clone(),
                time: ago(7_500),
                ..v1::Move::default()
            }],
            rules: vec![v1::RuleVerdict {
                rule: "sos-two-days".to_owned(),
                outcome: v1::rule_verdict::Outcome::Waiting.into(),
                reason: "its timer runs".to_owned(),
                due_time: ago(-86_400),
                target: node("storefront"),
            }],
            next: Some(v1::NextStep {
                description: "moves to storefront".to_owned(),
                time: ago(-86_400),
                rule: "sos-two-days".to_owned(),
                target: node("storefront"),
            }),
            facts,
            as_of_time: ago(0),
            revision: 41,
        };
        assert_eq!(
            plain(&lines(&explained, &view(100))),
            "\
B-12  CRITICAL  RAISED  Payment sandbox rejects test cards
  buying holds it since 06:55.
  Nobody owns it.

Next
  moves to storefront  in 1d

Moves
  2026-11-03 06:55 UTC  escalated checkout → buying (rule team-meeting)
                        because level = \"TEAM\", meetings_survived = 1

Rules
RULE          NOW      DUE    WOULD MOVE TO  WHY
sos-two-days  waiting  in 1d  storefront     its timer runs

Facts  as of 2026-11-03 09:00:00 UTC, revision 41
  level              \"TEAM\"
  meetings_survived  1
"
        );
    }
}
