//! An agenda: what a meeting has to look at.

use echelon_client::{names::short, v1};
use v1::AgendaSection as Section;

use super::words;
use crate::{
    output::{
        View,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

const SECTIONS: [(Section, &str); 5] = [
    (Section::Escalated, "Came up from below"),
    (Section::CarriedOver, "Carried over"),
    (Section::Own, "Own, new"),
    (Section::Returned, "Came back from above"),
    (Section::ToVerify, "Solved: are you unblocked?"),
];

/// The whole agenda.
pub(crate) fn lines(agenda: &v1::GetAgendaResponse, view: &View) -> Vec<Line> {
    let mut lines = vec![title(agenda)];
    for (section, heading) in SECTIONS {
        let items: Vec<&v1::AgendaItem> = agenda
            .items
            .iter()
            .filter(|item| item.section() == section)
            .collect();
        if !items.is_empty() {
            lines.push(Line::new());
            lines.push(Line::styled(style::BOLD, heading));
            lines.extend(
                items_table(&items, view)
                    .lines(view.width)
                    .into_iter()
                    .skip(1),
            );
        }
    }
    block(
        &mut lines,
        "Talk to each other",
        agenda.claims.iter().map(claim).chain(untold(agenda)),
    );
    block(
        &mut lines,
        "Decisions to discuss",
        agenda
            .decisions
            .iter()
            .map(|decision| Line::text("  ").and(decision)),
    );
    block(
        &mut lines,
        "Not checked in yet",
        agenda
            .missing_check_ins
            .iter()
            .map(|node| Line::text("  ").with(style::YELLOW, &short(node))),
    );
    if lines.len() == 1 {
        lines.push(Line::styled(style::DIM, "  nothing to look at"));
    }
    lines
}

fn title(agenda: &v1::GetAgendaResponse) -> Line {
    let node = short(&agenda.node);
    let mut line = match &agenda.meeting {
        Some(meeting) => {
            let mut line = Line::styled(
                style::BOLD,
                &format!("{} {}", short(&meeting.name), meeting.title),
            );
            line.push(style::PLAIN, &format!(" of {node}"));
            if meeting.state() == v1::MeetingState::Closed {
                line.push(style::DIM, " (closed)");
            }
            line
        }
        None => Line::styled(style::BOLD, &format!("Next meeting of {node}")),
    };
    let as_of = agenda
        .as_of_time
        .as_ref()
        .map(time::moment_to_second)
        .unwrap_or_default();
    line.push(
        style::DIM,
        &format!("  revision {} as of {as_of}", agenda.revision),
    );
    line
}

fn items_table(items: &[&v1::AgendaItem], view: &View) -> Table {
    let mut table = Table::new([
        Column::left(""),
        Column::left(""),
        Column::left(""),
        Column::right(""),
        Column::left("").giving_way().extra(),
        Column::left("").giving_way(),
        Column::left("").giving_way(),
    ]);
    for item in items {
        let blocker = item.blocker.clone().unwrap_or_default();
        let age = blocker
            .raise_time
            .as_ref()
            .map(|raised| time::age(raised, view.now))
            .unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &format!("  {}", short(&blocker.name))),
            words::severity(blocker.severity()),
            words::blocker_state(blocker.state()),
            Line::text(&age),
            Line::text(&short(&blocker.origin)),
            Line::text(&blocker.title),
            Line::styled(style::DIM, &item.note),
        ]);
    }
    table
}

fn claim(claim: &v1::OneSidedClaim) -> Line {
    use v1::one_sided_claim::Side;

    let (blocked, causing) = (short(&claim.blocked), short(&claim.causing));
    let text = match claim.side() {
        Side::Unspecified | Side::Blocked => {
            format!("  {blocked} says that {causing} blocks it; {causing} does not mention it")
        }
        Side::Causing => {
            format!("  {causing} says that it may block {blocked}; {blocked} does not mention it")
        }
    };
    let mut line = Line::text(&text);
    if !claim.note.is_empty() {
        line.push(style::DIM, &format!("  {}", claim.note));
    }
    if !claim.blocker.is_empty() {
        line.push(style::BOLD, &format!("  {}", short(&claim.blocker)));
    }
    line
}

/// That there are more claims than the answer has room for.
fn untold(agenda: &v1::GetAgendaResponse) -> Option<Line> {
    let told = i64::try_from(agenda.claims.len()).unwrap_or(i64::MAX);
    let more = agenda.total_claims.saturating_sub(told);
    (more > 0).then(|| Line::styled(style::DIM, &format!("  and {more} more")))
}

fn block(lines: &mut Vec<Line>, heading: &str, rows: impl Iterator<Item = Line>) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        lines.push(Line::new());
        lines.push(Line::styled(style::BOLD, heading));
        lines.extend(rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, blocker, node, plain, view};

    #[test]
    fn it_has_a_block_for_each_thing() {
        let agenda = v1::GetAgendaResponse {
            node: node("buying"),
            meeting: Some(v1::Meeting {
                name: "organizations/acme/meetings/M-3".to_owned(),
                title: "Scrum of Scrums".to_owned(),
                state: v1::MeetingState::Open.into(),
                ..v1::Meeting::default()
            }),
            items: vec![v1::AgendaItem {
                section: Section::Escalated.into(),
                blocker: Some(blocker()),
                note: "critical; unowned".to_owned(),
            }],
            claims: vec![v1::OneSidedClaim {
                side: v1::one_sided_claim::Side::Causing.into(),
                blocked: node("returns"),
                causing: node("payments"),
                note: "new tokens".to_owned(),
                blocker: String::new(),
            }],
            decisions: vec!["checkout: which sandbox?".to_owned()],
            missing_check_ins: vec![node("returns")],
            as_of_time: ago(0),
            revision: 41,
            next_page_token: String::new(),
            total_items: 1,
            total_claims: 4,
        };
        assert_eq!(
            plain(&lines(&agenda, &view(120))),
            "\
M-3 Scrum of Scrums of buying  revision 41 as of 2026-11-03 09:00:00 UTC

Came up from below
  B-12  CRITICAL  RAISED  3d 4h  checkout  Payment sandbox rejects test cards  critical; unowned

Talk to each other
  payments says that it may block returns; returns does not mention it  new tokens
  and 3 more

Decisions to discuss
  checkout: which sandbox?

Not checked in yet
  returns
"
        );
    }

    #[test]
    fn an_empty_one_says_so() {
        let agenda = v1::GetAgendaResponse {
            node: node("buying"),
            ..v1::GetAgendaResponse::default()
        };
        assert!(plain(&lines(&agenda, &view(80))).contains("Next meeting of buying"));
        assert!(plain(&lines(&agenda, &view(80))).contains("nothing to look at"));
    }
}
