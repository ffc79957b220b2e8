//! Blockers: a table of many, and one in full.

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
pub(crate) fn table(blockers: &[v1::Blocker], view: &View) -> Table {
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("SEVERITY"),
        Column::left("STATE"),
        Column::right("AGE"),
        Column::left("HELD BY").giving_way(),
        Column::left("RAISED BY").giving_way().extra(),
        Column::left("OWNER").giving_way().extra(),
        Column::left("DUE").extra(),
        Column::left("TITLE").giving_way_to(24),
    ]);
    for blocker in blockers {
        table.row([
            Line::styled(style::BOLD, &short(&blocker.name)),
            words::severity(blocker.severity()),
            state(blocker),
            Line::text(&age(blocker, view)),
            Line::text(&short(&blocker.holder)),
            Line::text(&short(&blocker.origin)),
            owner(blocker),
            due(blocker, view),
            Line::text(&blocker.title),
        ]);
    }
    table
}

/// The state, or the alarm.
fn state(blocker: &v1::Blocker) -> Line {
    if blocker.escalation_state() == v1::EscalationState::Exhausted {
        return Line::styled(style::ALARM, "EXHAUSTED");
    }
    words::blocker_state(blocker.state())
}

fn owner(blocker: &v1::Blocker) -> Line {
    if blocker.owner.is_empty() {
        return Line::styled(style::DIM, "-");
    }
    Line::text(&blocker.owner)
}

/// How long it has been open, or was until it was closed.
fn age(blocker: &v1::Blocker, view: &View) -> String {
    let end = blocker
        .close_time
        .as_ref()
        .and_then(time::from_proto)
        .unwrap_or(view.now);
    blocker
        .raise_time
        .as_ref()
        .map(|raised| time::age(raised, end))
        .unwrap_or_default()
}

/// The nearer of the due and the committed date.
fn due(blocker: &v1::Blocker, view: &View) -> Line {
    let nearest = [&blocker.due_time, &blocker.commit_time]
        .into_iter()
        .flatten()
        .min_by_key(|time| (time.seconds, time.nanos));
    match nearest {
        None => Line::styled(style::DIM, "-"),
        Some(time) => dated(time, words::is_open(blocker.state()), view),
    }
}

/// A date, red if it has passed and something is still open.
fn dated(time: &prost_types::Timestamp, open: bool, view: &View) -> Line {
    let passed = open && time.seconds < view.now.as_second();
    let style = if passed { style::RED } else { style::PLAIN };
    Line::styled(style, &time::distance(time, view.now))
}

/// One, in full.
pub(crate) fn details(blocker: &v1::Blocker, view: &View) -> Vec<Line> {
    let mut lines = vec![heading(blocker)];
    lines.extend(fields(blocker, view).lines());
    if !blocker.description.is_empty() {
        lines.push(Line::new());
        lines.extend(
            blocker
                .description
                .lines()
                .map(|line| Line::text("  ").and(line)),
        );
    }
    lines
}

/// Number, severity, state and title.
pub(crate) fn heading(blocker: &v1::Blocker) -> Line {
    let mut line = Line::styled(style::BOLD, &short(&blocker.name)).and("  ");
    line.append(words::severity(blocker.severity()));
    line.push(style::PLAIN, "  ");
    line.append(state(blocker));
    line.push(style::PLAIN, "  ");
    line.push(style::BOLD, &blocker.title);
    line
}

fn fields(blocker: &v1::Blocker, view: &View) -> Fields {
    let open = words::is_open(blocker.state());
    let moment =
        |time: &Option<prost_types::Timestamp>| time.as_ref().map(time::moment).unwrap_or_default();
    let mut fields = Fields::new();
    let mut holder = Line::styled(style::CYAN, &short(&blocker.holder));
    if let Some(entered) = &blocker.level_enter_time
        && open
    {
        holder.push(
            style::PLAIN,
            &format!(" for {}", time::age(entered, view.now)),
        );
    }
    fields.add_line("held by", holder);
    fields.add_line("raised by", raised(blocker, view));
    if !blocker.owner.is_empty() {
        let mut owner = Line::text(&blocker.owner);
        if let Some(commit) = &blocker.commit_time {
            owner.push(
                style::PLAIN,
                &format!(", committed to {} (", time::moment(commit)),
            );
            owner.append(dated(commit, open, view));
            owner.push(style::PLAIN, ")");
        }
        fields.add_line("owner", owner);
    }
    if let Some(due) = &blocker.due_time {
        let mut line = Line::text(&format!("{} (", time::moment(due)));
        line.append(dated(due, open, view));
        fields.add_line("due", line.and(")"));
    }
    fields.add_line("escalation", escalation(blocker, view));
    if blocker.escalation_count > 0 || blocker.meetings_survived > 0 {
        let times = words::counted(to_count(blocker.escalation_count), "time", "times");
        let meetings = words::counted(to_count(blocker.meetings_survived), "meeting", "meetings");
        fields.add("escalated", &format!("{times}; survived {meetings} here"));
    }
    if blocker.episode > 1 {
        fields.add("episode", &blocker.episode.to_string());
    }
    fields.add("hold approved by", &blocker.hold_approver);
    fields.add("guidance", &blocker.guidance);
    fields.add("resolution", &blocker.resolution);
    fields.add("merged into", &short(&blocker.merged_into));
    fields.add("closed", &moment(&blocker.close_time));
    fields.add("category", &blocker.category);
    fields.add("blocks", &shorts(&blocker.blocked_nodes));
    fields.add("caused by", &shorts(&blocker.causing_nodes));
    let labels: Vec<String> = blocker
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    fields.add("labels", &labels.join(", "));
    fields.add("tracker", &blocker.external_reference);
    fields.add("dedupe key", &blocker.dedupe_key);
    fields.add("policy", &short(&blocker.policy_version));
    fields.add("etag", &blocker.etag);
    fields
}

fn raised(blocker: &v1::Blocker, view: &View) -> Line {
    let mut line = Line::styled(style::CYAN, &short(&blocker.origin));
    if let Some(raised) = &blocker.raise_time {
        line.push(
            style::PLAIN,
            &format!(", {} ago", time::age(raised, view.now)),
        );
    }
    if !blocker.reporter.is_empty() {
        line.push(style::PLAIN, &format!(", by {}", blocker.reporter));
    }
    line
}

/// What the engine waits for.
fn escalation(blocker: &v1::Blocker, view: &View) -> Line {
    let until = |time: &Option<prost_types::Timestamp>| {
        time.as_ref()
            .map(|time| {
                format!(
                    " until {} ({})",
                    time::moment(time),
                    time::distance(time, view.now)
                )
            })
            .unwrap_or_default()
    };
    match blocker.escalation_state() {
        v1::EscalationState::Unspecified => Line::new(),
        v1::EscalationState::Armed => {
            let due = blocker
                .escalation_time
                .as_ref()
                .map(|time| format!(", due {}", time::distance(time, view.now)))
                .unwrap_or_default();
            Line::text("a timer runs").and(&due)
        }
        v1::EscalationState::WaitingForMeeting => Line::text(&format!(
            "waits for the next meeting of {}",
            short(&blocker.holder)
        )),
        v1::EscalationState::Paused => {
            let end = if blocker.state() == v1::BlockerState::OnHold {
                until(&blocker.hold_expire_time)
            } else {
                until(&blocker.acknowledgement_expire_time)
            };
            Line::text("paused").and(&end)
        }
        v1::EscalationState::Exhausted => {
            Line::styled(style::ALARM, "exhausted: at the top, and nobody acted")
        }
    }
}

fn shorts(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| short(name)).collect();
    names.join(", ")
}

fn to_count(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, blocker, node, plain, view};

    #[test]
    fn many_are_a_table() {
        let owned = v1::Blocker {
            name: "organizations/acme/blockers/B-1042".to_owned(),
            severity: v1::Severity::Low.into(),
            state: v1::BlockerState::Owned.into(),
            owner: "rte@example.com".to_owned(),
            commit_time: ago(90_000),
            ..blocker()
        };
        let lines = table(&[blocker(), owned], &view(120)).lines(Some(120));
        assert_eq!(
            plain(&lines),
            "\
ID      SEVERITY  STATE     AGE  HELD BY  RAISED BY  OWNER            DUE        TITLE
B-12    CRITICAL  RAISED  3d 4h  buying   checkout   -                -          Payment sandbox rejects test cards
B-1042  LOW       OWNED   3d 4h  buying   checkout   rte@example.com  1d 1h ago  Payment sandbox rejects test cards
"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_titles() {
        let lines = table(&[blocker()], &view(60)).lines(Some(60));
        for line in &lines {
            assert!(line.width() <= 60, "{}", line.render(false));
        }
        assert!(plain(&lines).contains('…'));
    }

    #[test]
    fn one_is_shown_in_full() {
        let mut blocker = blocker();
        blocker.description = "Since Monday.\nAll test cards.".to_owned();
        blocker.causing_nodes = vec![node("payments")];
        blocker.labels.insert("sprint".to_owned(), "42".to_owned());
        blocker.due_time = ago(-2 * 86_400);
        assert_eq!(
            plain(&details(&blocker, &view(100))),
            "\
B-12  CRITICAL  RAISED  Payment sandbox rejects test cards
  held by     buying for 2h 5m
  raised by   checkout, 3d 4h ago, by scrum-master@example.com
  due         2026-11-05 09:00 UTC (in 2d)
  escalation  waits for the next meeting of buying
  escalated   1 time; survived 1 meeting here
  caused by   payments
  labels      sprint=42
  policy      default@1
  etag        7

  Since Monday.
  All test cards.
"
        );
    }

    #[test]
    fn an_exhausted_one_is_an_alarm() {
        let exhausted = v1::Blocker {
            escalation_state: v1::EscalationState::Exhausted.into(),
            ..blocker()
        };
        let text = plain(&details(&exhausted, &view(100)));
        assert!(text.starts_with("B-12  CRITICAL  EXHAUSTED  "), "{text}");
        assert!(text.contains("at the top, and nobody acted"), "{text}");
    }

    #[test]
    fn a_pause_has_an_end() {
        let held = v1::Blocker {
            state: v1::BlockerState::OnHold.into(),
            escalation_state: v1::EscalationState::Paused.into(),
            hold_expire_time: ago(-86_400),
            ..blocker()
        };
        let text = plain(&details(&held, &view(100)));
        assert!(
            text.contains("paused until 2026-11-04 09:00 UTC (in 1d)"),
            "{text}"
        );
    }
}
