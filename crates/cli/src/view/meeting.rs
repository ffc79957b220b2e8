//! Meetings: a table of many, one in full, and what a close decided.

use echelon_client::{names::short, v1};

use super::words;
use crate::{
    output::{
        View,
        fields::Fields,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

/// Many, a row each.
pub(crate) fn table(meetings: &[v1::Meeting], view: &View) -> Table {
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("NODE").giving_way(),
        Column::left("STATE"),
        Column::left("OPENED"),
        Column::left("LASTED"),
        Column::left("TITLE").giving_way(),
    ]);
    for meeting in meetings {
        table.row([
            Line::styled(style::BOLD, &short(&meeting.name)),
            Line::text(&short(&meeting.node)),
            state(meeting),
            Line::text(&opened(meeting, view)),
            Line::text(&lasted(meeting)),
            Line::text(&meeting.title),
        ]);
    }
    table
}

fn state(meeting: &v1::Meeting) -> Line {
    match meeting.state() {
        v1::MeetingState::Unspecified => Line::styled(style::DIM, "-"),
        v1::MeetingState::Open => Line::styled(style::GREEN, "OPEN"),
        v1::MeetingState::Closed => Line::styled(style::DIM, "CLOSED"),
    }
}

fn opened(meeting: &v1::Meeting, view: &View) -> String {
    meeting
        .open_time
        .as_ref()
        .map(|opened| time::distance(opened, view.now))
        .unwrap_or_default()
}

fn lasted(meeting: &v1::Meeting) -> String {
    match (&meeting.open_time, &meeting.close_time) {
        (Some(opened), Some(closed)) => time::span(closed.seconds - opened.seconds),
        _ => "-".to_owned(),
    }
}

/// One, with its check-ins and, if closed, the fates.
pub(crate) fn details(meeting: &v1::Meeting, view: &View) -> Vec<Line> {
    let mut lines = vec![heading(meeting)];
    for check_in in &meeting.check_ins {
        lines.push(Line::new());
        lines.extend(check_in_lines(check_in));
    }
    if meeting.state() == v1::MeetingState::Closed {
        lines.push(Line::new());
        lines.extend(fates(&meeting.fates, view));
    }
    lines
}

/// Number, title, node, state.
pub(crate) fn heading(meeting: &v1::Meeting) -> Line {
    let mut line = Line::styled(
        style::BOLD,
        &format!("{} {}", short(&meeting.name), meeting.title),
    );
    line.push(style::PLAIN, &format!(" of {}  ", short(&meeting.node)));
    line.append(state(meeting));
    if let Some(opened) = &meeting.open_time {
        line.push(style::DIM, &format!("  opened {}", time::moment(opened)));
    }
    if meeting.close_time.is_some() {
        line.push(style::DIM, &format!(", lasted {}", lasted(meeting)));
    }
    line
}

/// One node's answers.
pub(crate) fn check_in_lines(check_in: &v1::CheckIn) -> Vec<Line> {
    let mut lines = vec![Line::styled(style::CYAN, &short(&check_in.node))];
    let mut fields = Fields::new();
    fields.add("accomplished", &check_in.accomplished);
    fields.add("planned", &check_in.planned);
    for blocker in &check_in.blockers {
        let mut line = Line::styled(style::BOLD, &short(&blocker.blocker));
        if !blocker.title.is_empty() {
            line.push(style::PLAIN, &format!("  {}", blocker.title));
        }
        fields.add_line("blocked by", line);
    }
    for claim in &check_in.may_block {
        let note = match claim.note.as_str() {
            "" => String::new(),
            note => format!(": {note}"),
        };
        fields.add("may block", &format!("{}{note}", short(&claim.node)));
    }
    for decision in &check_in.decisions {
        fields.add("to discuss", decision);
    }
    lines.extend(fields.lines());
    lines
}

/// What became of every blocker on the agenda.
pub(crate) fn fates(fates: &[v1::BlockerFate], view: &View) -> Vec<Line> {
    if fates.is_empty() {
        return vec![Line::styled(style::DIM, "nothing was on the agenda")];
    }
    let mut table = Table::new([
        Column::left(""),
        Column::left("ID"),
        Column::left("SEVERITY"),
        Column::left("FATE"),
        Column::left("TITLE").giving_way(),
        Column::left("WHY").giving_way(),
    ]);
    for fate in fates {
        let (mark, word, style) = words::fate(fate.kind());
        table.row([
            Line::styled(style, mark),
            Line::styled(style::BOLD, &short(&fate.blocker)),
            words::severity(fate.severity()),
            Line::styled(style, word),
            Line::text(&fate.title),
            Line::styled(style::DIM, &fate.reason),
        ]);
    }
    table.lines(view.width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, node, plain, view};

    fn meeting() -> v1::Meeting {
        v1::Meeting {
            name: "organizations/acme/meetings/M-3".to_owned(),
            node: node("buying"),
            title: "Scrum of Scrums".to_owned(),
            state: v1::MeetingState::Closed.into(),
            open_time: ago(900),
            close_time: ago(120),
            check_ins: vec![v1::CheckIn {
                node: node("checkout"),
                accomplished: "Cart".to_owned(),
                blockers: vec![v1::CheckInBlocker {
                    blocker: "organizations/acme/blockers/B-12".to_owned(),
                    title: "no cards".to_owned(),
                    ..v1::CheckInBlocker::default()
                }],
                may_block: vec![v1::BlockingClaim {
                    node: node("returns"),
                    note: "tokens".to_owned(),
                }],
                decisions: vec!["which sandbox?".to_owned()],
                ..v1::CheckIn::default()
            }],
            fates: vec![v1::BlockerFate {
                blocker: "organizations/acme/blockers/B-12".to_owned(),
                title: "no cards".to_owned(),
                kind: v1::blocker_fate::Kind::Escalated.into(),
                reason: "rule two-meetings moved it to storefront".to_owned(),
                severity: v1::Severity::High.into(),
                r#move: None,
            }],
            fate_count: 1,
        }
    }

    #[test]
    fn one_is_shown_in_full() {
        assert_eq!(
            plain(&details(&meeting(), &view(100))),
            "\
M-3 Scrum of Scrums of buying  CLOSED  opened 2026-11-03 08:45 UTC, lasted 13m

checkout
  accomplished  Cart
  blocked by    B-12  no cards
  may block     returns: tokens
  to discuss    which sandbox?

   ID    SEVERITY  FATE       TITLE     WHY
↑  B-12  HIGH      escalated  no cards  rule two-meetings moved it to storefront
"
        );
    }

    #[test]
    fn many_are_a_table() {
        let open = v1::Meeting {
            state: v1::MeetingState::Open.into(),
            close_time: None,
            ..meeting()
        };
        assert_eq!(
            plain(&table(&[open, meeting()], &view(100)).lines(Some(100))),
            "\
ID   NODE    STATE   OPENED   LASTED  TITLE
M-3  buying  OPEN    15m ago  -       Scrum of Scrums
M-3  buying  CLOSED  15m ago  13m     Scrum of Scrums
"
        );
    }
}
