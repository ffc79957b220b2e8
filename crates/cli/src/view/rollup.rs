//! The roll-up: a view for the wall.

use echelon_client::{names::short, v1};
use jiff::Timestamp;

use super::attention;
use crate::{
    output::{
        View,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

/// Title, a row per child and a total, and what needs attention.
pub(crate) fn lines(rollup: &v1::Rollup, view: &View) -> Vec<Line> {
    let as_of = rollup.as_of_time.as_ref().and_then(time::from_proto);
    lines_at(rollup, as_of.unwrap_or(view.now), view)
}

/// The same with ages as of a later time.
pub(crate) fn lines_at(rollup: &v1::Rollup, now: Timestamp, view: &View) -> Vec<Line> {
    let mut lines = vec![title(rollup), Line::new()];
    lines.extend(figures_table(rollup, now).lines(view.width));
    if !rollup.attention.is_empty() {
        lines.push(Line::new());
        lines.push(Line::styled(style::BOLD, "Needs attention"));
        lines.extend(attention::table(&rollup.attention).lines(view.width));
    }
    lines
}

fn title(rollup: &v1::Rollup) -> Line {
    let as_of = rollup
        .as_of_time
        .as_ref()
        .map(time::moment_to_second)
        .unwrap_or_default();
    let mut line = Line::styled(style::BOLD, &rollup.display_name);
    let id = short(&rollup.node);
    if id != rollup.display_name {
        line.push(style::DIM, &format!(" ({id})"));
    }
    line.push(style::BLUE, &format!("  {}", rollup.level));
    line.push(
        style::DIM,
        &format!("  revision {} as of {as_of}", rollup.revision),
    );
    line
}

fn figures_table(rollup: &v1::Rollup, now: Timestamp) -> Table {
    let mut table = Table::new([
        Column::left("").giving_way_to(16),
        Column::left("NODE").giving_way().extra(),
        Column::right("OPEN"),
        Column::right("CRIT"),
        Column::right("HIGH"),
        Column::right("MED"),
        Column::right("LOW"),
        Column::right("OLDEST"),
        Column::right("UNOWNED"),
        Column::right("OVERDUE"),
        Column::right("SOON").extra(),
        Column::right("EXHAUSTED"),
        Column::right("HERE").extra(),
        Column::right("ABOVE").extra(),
        Column::right("TREND"),
    ]);
    for child in &rollup.children {
        let figures = child.figures.clone().unwrap_or_default();
        let name = Line::text(&child.display_name).with(style::BLUE, &format!(" {}", child.level));
        let id = Line::styled(style::DIM, &short(&child.node));
        table.row(cells(name, id, &figures, now));
    }
    let total = rollup.figures.clone().unwrap_or_default();
    let name = Line::styled(style::BOLD, "total");
    table.row(cells(name, Line::new(), &total, now).map(
        |cell| match cell.render(false).as_str() {
            "·" | "=" => cell,
            _ => bold(cell),
        },
    ));
    table
}

fn bold(cell: Line) -> Line {
    let text = cell.render(false);
    // A colour says more than the weight.
    if cell == Line::text(&text) {
        Line::styled(style::BOLD, &text)
    } else {
        cell
    }
}

fn cells(name: Line, id: Line, figures: &v1::RollupFigures, now: Timestamp) -> [Line; 15] {
    let severity = figures.by_severity.unwrap_or_default();
    [
        name,
        id,
        Line::text(&figures.open.to_string()),
        count(severity.critical, style::ALARM),
        count(severity.high, style::YELLOW),
        count(severity.medium, style::PLAIN),
        count(severity.low, style::PLAIN),
        figures
            .oldest_raise_time
            .as_ref()
            .map(|raised| Line::text(&time::age(raised, now)))
            .unwrap_or_else(nothing),
        count(figures.unowned, style::YELLOW),
        count(figures.overdue, style::RED),
        count(figures.due_soon, style::YELLOW),
        count(figures.exhausted, style::ALARM),
        count(figures.held_here, style::PLAIN),
        count(figures.held_above, style::PLAIN),
        trend(figures.open_since_yesterday),
    ]
}

/// A figure; zero is only a dot, so that the others catch the eye.
fn count(number: i64, style: anstyle::Style) -> Line {
    match number {
        0 => nothing(),
        _ => Line::styled(style, &number.to_string()),
    }
}

fn nothing() -> Line {
    Line::styled(style::DIM, "·")
}

fn trend(difference: i64) -> Line {
    match difference {
        0 => Line::styled(style::DIM, "="),
        1.. => Line::styled(style::RED, &format!("+{difference}")),
        _ => Line::styled(style::GREEN, &difference.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, blocker, node, plain, view};

    fn rollup() -> v1::Rollup {
        let child = |id: &str, name: &str, figures| v1::ChildRollup {
            node: node(id),
            display_name: name.to_owned(),
            level: "TRAIN".to_owned(),
            figures: Some(figures),
        };
        v1::Rollup {
            node: node("shop"),
            display_name: "Shop".to_owned(),
            level: "SOLUTION".to_owned(),
            figures: Some(v1::RollupFigures {
                open: 5,
                by_severity: Some(v1::SeverityCounts {
                    low: 0,
                    medium: 2,
                    high: 2,
                    critical: 1,
                }),
                unowned: 4,
                overdue: 1,
                exhausted: 1,
                held_here: 1,
                oldest_raise_time: ago(3 * 86_400 + 4 * 3_600),
                open_since_yesterday: 3,
                ..v1::RollupFigures::default()
            }),
            children: vec![
                child(
                    "platform",
                    "Platform",
                    v1::RollupFigures {
                        open: 5,
                        by_severity: Some(v1::SeverityCounts {
                            low: 0,
                            medium: 2,
                            high: 2,
                            critical: 1,
                        }),
                        unowned: 4,
                        overdue: 1,
                        held_above: 1,
                        oldest_raise_time: ago(3 * 86_400 + 4 * 3_600),
                        open_since_yesterday: 5,
                        ..v1::RollupFigures::default()
                    },
                ),
                child(
                    "storefront",
                    "Storefront",
                    v1::RollupFigures {
                        open_since_yesterday: -2,
                        ..v1::RollupFigures::default()
                    },
                ),
            ],
            attention: vec![v1::AttentionItem {
                reason: v1::AttentionReason::Exhausted.into(),
                blocker: Some(blocker()),
                note: "exhausted, critical".to_owned(),
            }],
            as_of_time: ago(0),
            revision: 128,
        }
    }

    #[test]
    fn a_row_for_each_child_and_a_total() {
        assert_eq!(
            plain(&lines(&rollup(), &view(140))),
            "\
Shop (shop)  SOLUTION  revision 128 as of 2026-11-03 09:00:00 UTC

                  NODE        OPEN  CRIT  HIGH  MED  LOW  OLDEST  UNOWNED  OVERDUE  SOON  EXHAUSTED  HERE  ABOVE  TREND
Platform TRAIN    platform       5     1     2    2    ·   3d 4h        4        1     ·          ·     ·      1     +5
Storefront TRAIN  storefront     0     ·     ·    ·    ·       ·        ·        ·     ·          ·     ·      ·     -2
total                            5     1     2    2    ·   3d 4h        4        1     ·          1     1      ·     +3

Needs attention
ID    SEVERITY  WHY        HELD BY  TITLE                               NOTE
B-12  CRITICAL  exhausted  buying   Payment sandbox rejects test cards  exhausted, critical
"
        );
    }

    #[test]
    fn eighty_columns_keep_what_matters() {
        let lines = lines(&rollup(), &view(80));
        for line in &lines[2..] {
            assert!(line.width() <= 80, "{}", line.render(false));
        }
        let header = lines[2].render(false);
        for kept in [
            "OPEN",
            "CRIT",
            "OLDEST",
            "UNOWNED",
            "OVERDUE",
            "EXHAUSTED",
            "TREND",
        ] {
            assert!(header.contains(kept), "{header}");
        }
        assert!(!header.contains("ABOVE"), "{header}");
    }
}
