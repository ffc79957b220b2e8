//! Events: a sentence for each.

use echelon_client::{names::short, v1};
use v1::{BlockerChange, event::Payload};

use crate::{
    output::{
        line::{Align, Line},
        style,
        table::{Column, Table},
    },
    time,
};

/// A row for each event.
pub(crate) fn table(events: &[v1::Event]) -> Table {
    let mut table = Table::new([
        Column::right("REV"),
        Column::left("TIME"),
        Column::left("ABOUT").giving_way(),
        Column::left("WHAT").giving_way(),
        Column::left("WHO").giving_way().extra(),
    ]);
    for event in events {
        table.row([
            Line::styled(style::DIM, &event.revision.to_string()),
            Line::styled(style::DIM, &moment(event)),
            about(event),
            what(event),
            who(event),
        ]);
    }
    table
}

/// One event on a line of its own, as it comes in.
pub(crate) fn line(event: &v1::Event) -> Line {
    let mut line = Line::styled(
        style::DIM,
        &format!("{:>6}  {}  ", event.revision, moment(event)),
    );
    line.append(about(event).padded(16, Align::Left).and("  "));
    line.append(what(event));
    if !event.actor.is_empty() {
        line.push(style::DIM, &format!("  by {}", event.actor));
    }
    line
}

fn moment(event: &v1::Event) -> String {
    event
        .time
        .as_ref()
        .map(time::moment_to_second)
        .unwrap_or_default()
}

fn who(event: &v1::Event) -> Line {
    match event.actor.as_str() {
        "" => Line::styled(style::DIM, "-"),
        actor => Line::text(actor),
    }
}

/// The blocker, the meeting, the node, the policy or the organization.
fn about(event: &v1::Event) -> Line {
    let text = match &event.payload {
        _ if !event.blocker.is_empty() => short(&event.blocker),
        Some(
            Payload::NodeCreated(node)
            | Payload::NodeUpdated(node)
            | Payload::NodeMoved(node)
            | Payload::NodeArchived(node)
            | Payload::NodeRestored(node),
        ) => node.id.clone(),
        Some(Payload::PolicyCreated(policy) | Payload::PolicyUpdated(policy)) => policy.id.clone(),
        Some(Payload::MeetingOpened(meeting) | Payload::MeetingClosed(meeting)) => {
            format!("M-{}", meeting.number)
        }
        Some(Payload::CheckInSubmitted(check_in)) => format!("M-{}", check_in.meeting),
        Some(Payload::BlockerChanged(record)) => format!("B-{}", record.number),
        Some(
            Payload::OrganizationCreated(_)
            | Payload::OrganizationUpdated(_)
            | Payload::CountersRepaired(_),
        )
        | None => short(&event.organization),
    };
    Line::styled(style::BOLD, &text)
}

/// What happened, in words.
pub(crate) fn what(event: &v1::Event) -> Line {
    let Some(payload) = &event.payload else {
        return Line::styled(style::DIM, "something that this version does not know");
    };
    match payload {
        Payload::OrganizationCreated(organization) => Line::text(&format!(
            "organization created: {}",
            organization.display_name
        )),
        Payload::OrganizationUpdated(_) => Line::text("organization updated"),
        Payload::NodeCreated(node) if node.parent.is_empty() => {
            Line::text(&format!("root created, level {}", node.level))
        }
        Payload::NodeCreated(node) => Line::text(&format!(
            "node created below {}, level {}",
            node.parent, node.level
        )),
        Payload::NodeUpdated(_) => Line::text("node updated"),
        Payload::NodeMoved(node) => Line::styled(
            style::CYAN,
            &format!(
                "node moved from {} to {}",
                node.previous_parent, node.parent
            ),
        ),
        Payload::NodeArchived(_) => Line::styled(style::DIM, "node archived"),
        Payload::NodeRestored(_) => Line::text("node restored"),
        Payload::PolicyCreated(policy) => Line::text(&format!("policy created at {}", policy.node)),
        Payload::PolicyUpdated(policy) => {
            Line::text(&format!("policy updated, version {}", policy.version))
        }
        Payload::BlockerChanged(record) => blocker(record),
        Payload::MeetingOpened(meeting) => {
            Line::text(&format!("{} of {} opened", meeting.title, meeting.node))
        }
        Payload::CheckInSubmitted(check_in) => check_in_line(check_in),
        Payload::MeetingClosed(meeting) => closed(meeting),
        Payload::CountersRepaired(counters) => repaired(counters),
    }
}

/// The first few nodes, and how many more.
fn repaired(counters: &v1::CountersRecord) -> Line {
    const SHOWN: usize = 3;
    let nodes = counters.nodes.iter().take(SHOWN);
    let nodes: Vec<&str> = nodes.map(|counted| counted.node.as_str()).collect();
    let more = match counters.nodes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "counters of {}{more} differed from a recount and were put right",
        nodes.join(", ")
    );
    Line::styled(style::ALARM, &text)
}

fn check_in_line(check_in: &v1::CheckInRecord) -> Line {
    let blockers: Vec<String> = check_in
        .blockers
        .iter()
        .map(|number| format!("B-{number}"))
        .collect();
    let named = match blockers.as_slice() {
        [] => String::new(),
        _ => format!(", blocked by {}", blockers.join(", ")),
    };
    Line::text(&format!("{} checked in{named}", check_in.node))
}

fn closed(meeting: &v1::MeetingRecord) -> Line {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for fate in &meeting.fates {
        match counts.iter_mut().find(|(kind, _)| *kind == fate.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((&fate.kind, 1)),
        }
    }
    let fates: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{count} {}", kind.replace('_', " ")))
        .collect();
    let suffix = match fates.as_slice() {
        [] => String::new(),
        _ => format!(": {}", fates.join(", ")),
    };
    Line::text(&format!(
        "{} of {} closed{suffix}",
        meeting.title, meeting.node
    ))
}

fn blocker(record: &v1::BlockerRecord) -> Line {
    let status = record.status.clone().unwrap_or_default();
    let until = |time: &Option<prost_types::Timestamp>| {
        time.as_ref()
            .map(|time| format!(" until {}", time::moment(time)))
            .unwrap_or_default()
    };
    let because = |text: &str| match text {
        "" => String::new(),
        text => format!(": {text}"),
    };
    let (style, text) = match record.change() {
        BlockerChange::Unspecified => (style::DIM, "changed".to_owned()),
        BlockerChange::Raised => {
            let content = record.content.clone().unwrap_or_default();
            (
                style::RED,
                format!("raised by {}: {}", content.origin, content.title),
            )
        }
        BlockerChange::Updated => (style::PLAIN, "updated".to_owned()),
        BlockerChange::Acknowledged => (
            style::YELLOW,
            format!("acknowledged{}", until(&status.acknowledgement_expire_time)),
        ),
        BlockerChange::AcknowledgementLapsed => {
            (style::YELLOW, "acknowledgement expired".to_owned())
        }
        BlockerChange::Owned => {
            let by = status
                .commit_time
                .as_ref()
                .map(|time| format!(", committed to {}", time::moment(time)))
                .unwrap_or_default();
            (style::CYAN, format!("owned by {}{by}", status.owner))
        }
        BlockerChange::Held => (
            style::DIM,
            format!(
                "put on hold{}, approved by {}{}",
                until(&status.hold_expire_time),
                status.hold_approver,
                because(&record.text)
            ),
        ),
        BlockerChange::HoldEnded => (style::YELLOW, "hold ended".to_owned()),
        BlockerChange::Resolved => (
            style::GREEN,
            format!("resolved{}", because(&status.resolution)),
        ),
        BlockerChange::Verified => (style::GREEN, "verified".to_owned()),
        BlockerChange::Reopened => (style::RED, format!("reopened{}", because(&record.text))),
        BlockerChange::Withdrawn => (
            style::DIM,
            format!("withdrawn{}", because(&status.resolution)),
        ),
        BlockerChange::Merged => (style::DIM, format!("merged into B-{}", status.merged_into)),
        BlockerChange::Escalated => (style::YELLOW, moved("escalated", record)),
        BlockerChange::Returned => (style::CYAN, moved("returned", record)),
        BlockerChange::Reheld => (style::CYAN, moved("held elsewhere", record)),
        BlockerChange::CarriedOver => (style::PLAIN, format!("carried over by {}", status.holder)),
        BlockerChange::Exhausted => (
            style::ALARM,
            format!(
                "exhausted at {}: nobody acted, and no rule moves it",
                status.holder
            ),
        ),
        BlockerChange::Commented => (style::PLAIN, format!("comment{}", because(&record.text))),
        BlockerChange::Rebased => (
            style::PLAIN,
            format!("pinned to {}@{}", status.policy, status.policy_version),
        ),
        BlockerChange::OwnerRequired => (
            style::YELLOW,
            format!("needs an owner{}", by_rule(&record.rule)),
        ),
        BlockerChange::Notified => (
            style::YELLOW,
            format!(
                "notifies {}{}{}",
                record.roles.join(", "),
                by_rule(&record.rule),
                because(&record.text)
            ),
        ),
        BlockerChange::RulePassed => (
            style::DIM,
            format!("rule {} did not act{}", record.rule, because(&record.text)),
        ),
        BlockerChange::Imported => (style::DIM, "imported".to_owned()),
    };
    Line::styled(style, &text)
}

fn by_rule(rule: &str) -> String {
    match rule {
        "" => String::new(),
        rule => format!(" (rule {rule})"),
    }
}

fn moved(verb: &str, record: &v1::BlockerRecord) -> String {
    match &record.r#move {
        Some(step) => format!("{verb} {}", step_text(step)),
        None => verb.to_owned(),
    }
}

/// From where to where, by what, and why.
pub(crate) fn step_text(step: &v1::Move) -> String {
    use v1::cause::Kind;

    let mut reasons = Vec::new();
    if !step.rule.is_empty() {
        let version = match step.policy_version.as_str() {
            "" => String::new(),
            version => format!(" of {}", short(version)),
        };
        reasons.push(format!("rule {}{version}", step.rule));
    }
    match step.cause.as_ref().and_then(|cause| cause.kind.as_ref()) {
        Some(Kind::Meeting(meeting)) => reasons.push(format!("meeting {}", short(meeting))),
        Some(Kind::Timer(_)) => reasons.push("timer".to_owned()),
        Some(Kind::Request(_)) if step.rule.is_empty() => reasons.push("by hand".to_owned()),
        Some(Kind::Request(_)) | None => {}
    }
    let late = step.lateness.map_or(0, |lateness| lateness.seconds);
    if late > 0 {
        reasons.push(format!("{} late", time::span(late)));
    }
    if !step.reason.is_empty() {
        reasons.push(step.reason.clone());
    }
    let reasons = match reasons.as_slice() {
        [] => String::new(),
        _ => format!(" ({})", reasons.join("; ")),
    };
    format!("{} → {}{reasons}", short(&step.from), short(&step.to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{ago, node, plain};

    fn event(payload: Payload) -> v1::Event {
        v1::Event {
            organization: "organizations/acme".to_owned(),
            revision: 41,
            time: ago(0),
            payload: Some(payload),
            ..v1::Event::default()
        }
    }

    fn changed(change: BlockerChange) -> v1::BlockerRecord {
        v1::BlockerRecord {
            change: change.into(),
            number: 12,
            status: Some(v1::BlockerStatusRecord {
                holder: "buying".to_owned(),
                owner: "rte@example.com".to_owned(),
                commit_time: ago(-86_400),
                ..v1::BlockerStatusRecord::default()
            }),
            ..v1::BlockerRecord::default()
        }
    }

    #[test]
    fn an_escalation_names_rule_and_meeting() {
        let mut record = changed(BlockerChange::Escalated);
        record.r#move = Some(v1::Move {
            kind: v1::r#move::Kind::Escalated.into(),
            from: node("checkout"),
            to: node("buying"),
            cause: Some(v1::Cause {
                kind: Some(v1::cause::Kind::Meeting("M-3".to_owned())),
            }),
            rule: "survived-team".to_owned(),
            policy_version: "organizations/acme/policies/default/versions/2".to_owned(),
            ..v1::Move::default()
        });
        let event = event(Payload::BlockerChanged(record));
        assert_eq!(
            what(&event).render(false),
            "escalated checkout → buying (rule survived-team of default@2; meeting M-3)"
        );
        assert_eq!(
            line(&event).render(false),
            "    41  2026-11-03 09:00:00 UTC  B-12              escalated checkout → buying (rule survived-team of default@2; meeting M-3)"
        );
    }

    #[test]
    fn a_late_timer_says_so() {
        let step = v1::Move {
            from: node("checkout"),
            to: node("buying"),
            cause: Some(v1::Cause {
                kind: Some(v1::cause::Kind::Timer(prost_types::Timestamp::default())),
            }),
            rule: "slow".to_owned(),
            lateness: Some(prost_types::Duration {
                seconds: 7_200,
                nanos: 0,
            }),
            ..v1::Move::default()
        };
        assert_eq!(
            step_text(&step),
            "checkout → buying (rule slow; timer; 2h late)"
        );
    }

    #[test]
    fn events_are_a_table() {
        let events = [
            event(Payload::NodeCreated(v1::NodeRecord {
                id: "checkout".to_owned(),
                parent: "buying".to_owned(),
                level: "TEAM".to_owned(),
                ..v1::NodeRecord::default()
            })),
            v1::Event {
                actor: "rte@example.com".to_owned(),
                ..event(Payload::BlockerChanged(changed(BlockerChange::Owned)))
            },
            event(Payload::MeetingClosed(v1::MeetingRecord {
                number: 3,
                node: "buying".to_owned(),
                title: "Scrum of Scrums".to_owned(),
                fates: ["escalated", "carried_over", "escalated"]
                    .map(|kind| v1::FateRecord {
                        kind: kind.to_owned(),
                        ..v1::FateRecord::default()
                    })
                    .to_vec(),
                ..v1::MeetingRecord::default()
            })),
        ];
        assert_eq!(
            plain(&table(&events).lines(None)),
            "\
REV  TIME                     ABOUT     WHAT                                                           WHO
 41  2026-11-03 09:00:00 UTC  checkout  node created below buying, level TEAM                          -
 41  2026-11-03 09:00:00 UTC  B-12      owned by rte@example.com, committed to 2026-11-04 09:00 UTC    rte@example.com
 41  2026-11-03 09:00:00 UTC  M-3       Scrum of Scrums of buying closed: 2 escalated, 1 carried over  -
"
        );
    }

    #[test]
    fn a_repair_names_the_first_nodes() {
        let repaired = |nodes: &[&str]| {
            let nodes = nodes.iter().map(|node| v1::NodeCountersRecord {
                node: (*node).to_owned(),
                ..v1::NodeCountersRecord::default()
            });
            event(Payload::CountersRepaired(v1::CountersRecord {
                nodes: nodes.collect(),
            }))
        };
        assert_eq!(
            what(&repaired(&["checkout"])).render(false),
            "counters of checkout differed from a recount and were put right"
        );
        let five = repaired(&["a", "b", "c", "d", "e"]);
        assert_eq!(
            what(&five).render(false),
            "counters of a, b, c and 2 more differed from a recount and were put right"
        );
        assert_eq!(about(&five).render(false), "acme");
    }

    #[test]
    fn every_change_has_words() {
        for number in 1..=22 {
            let change = BlockerChange::try_from(number).unwrap();
            let line = blocker(&changed(change)).render(false);
            assert!(!line.is_empty() && line != "changed", "{change:?}");
        }
    }
}
