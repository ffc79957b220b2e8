//! `echelon meeting check-in`.

use clap::Args;
use echelon_client::{
    names::short,
    request_id,
    v1::{self, SubmitCheckInRequest, SubmitCheckInResponse},
};

use crate::{
    document::check_in::{self, Blocker, Claim, FullBlocker, severity_and_title},
    failure::Failure,
    input::Document,
    name::{Names, looks_like_blocker},
    output::{line::Line, style},
    session::Session,
    view::{meeting, words, words::Severity},
};

/// Answer the five questions for a node
///
/// Blockers that are named are raised with the check-in. A second check-in of the same node replaces its answers and
/// raises only what is new.
#[derive(Args, Debug)]
pub(crate) struct CheckIn {
    /// The meeting, such as M-3, or the node whose meeting is open
    meeting: String,
    /// The node that answers; default: the one that the document names, or the one that meets
    node: Option<String>,
    /// What was accomplished since the last meeting
    #[arg(long, value_name = "TEXT")]
    done: Option<String>,
    /// What will be done before the next
    #[arg(long, value_name = "TEXT")]
    plan: Option<String>,
    /// What blocks: `TITLE`, `HIGH: TITLE`, or a blocker that is there, such as B-12; may be repeated
    #[arg(long, value_name = "BLOCKER")]
    blocker: Vec<String>,
    /// Severity of blockers that name none
    #[arg(
        long,
        short,
        value_enum,
        ignore_case = true,
        default_value = "medium",
        value_name = "SEVERITY"
    )]
    severity: Severity,
    /// A node that may be blocked by this one; may be repeated
    #[arg(long, value_name = "NODE[=NOTE]")]
    may_block: Vec<String>,
    /// A decision that needs deeper discussion; may be repeated
    #[arg(long, value_name = "TEXT")]
    decision: Vec<String>,
    /// The answers as a document, YAML or JSON; `-` reads standard input; flags add to it
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
}

impl CheckIn {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut answers: check_in::CheckIn = match &self.file {
            Some(path) => Document::read(path)?.parse()?,
            None => check_in::CheckIn::default(),
        };
        let meeting = session.meeting(&self.meeting).await?;
        let node = match self.node.as_deref().or(answers.node.as_deref()) {
            Some(node) => session.names.node(node)?,
            None => meets(session, meeting.clone()).await?,
        };
        answers.accomplished = self.done.unwrap_or(answers.accomplished);
        answers.planned = self.plan.unwrap_or(answers.planned);
        answers
            .blockers
            .extend(self.blocker.into_iter().map(Blocker::Line));
        answers
            .may_block
            .extend(self.may_block.iter().map(|text| claim(text)));
        answers.decisions.extend(self.decision);
        let request = SubmitCheckInRequest {
            meeting,
            check_in: Some(to_proto(answers, node, self.severity, &session.names)?),
            request_id: request_id(),
        };
        let submitted = session
            .call(request, |client, request| async move {
                client.meetings().submit_check_in(request).await
            })
            .await?;
        report(session, &submitted)
    }
}

/// Resource name of the node that a meeting is of.
async fn meets(session: &Session, meeting: String) -> Result<String, Failure> {
    let request = v1::GetMeetingRequest {
        name: meeting,
        min_revision: session.min_revision,
    };
    let found = session
        .call(request, |client, request| async move {
            client.meetings().get_meeting(request).await
        })
        .await?;
    Ok(found.meeting.ok_or(Failure::Incomplete("meeting"))?.node)
}

fn report(session: &Session, submitted: &SubmitCheckInResponse) -> Result<(), Failure> {
    let check_in = submitted
        .check_in
        .as_ref()
        .ok_or(Failure::Incomplete("check-in"))?;
    session.output.show(submitted, || {
        if session.output.quiet {
            return submitted
                .raised
                .iter()
                .map(|blocker| Line::text(&short(&blocker.name)))
                .collect();
        }
        let mut lines = meeting::check_in_lines(check_in);
        for blocker in &submitted.raised {
            let mut line =
                Line::styled(style::GREEN, "+ ").with(style::BOLD, &short(&blocker.name));
            line.push(style::PLAIN, "  ");
            line.append(words::severity(blocker.severity()));
            line.push(
                style::PLAIN,
                &format!(
                    "  {}, raised and held by {}",
                    blocker.title,
                    short(&blocker.holder)
                ),
            );
            lines.push(line);
        }
        lines
    })
}

/// `NODE` or `NODE=NOTE`.
fn claim(text: &str) -> Claim {
    let (node, note) = text.split_once('=').unwrap_or((text, ""));
    Claim {
        node: node.to_owned(),
        note: note.to_owned(),
    }
}

fn to_proto(
    answers: check_in::CheckIn,
    node: String,
    severity: Severity,
    names: &Names,
) -> Result<v1::CheckIn, Failure> {
    let check_in::CheckIn {
        node: _named,
        accomplished,
        planned,
        blockers,
        may_block,
        decisions,
    } = answers;
    Ok(v1::CheckIn {
        node,
        accomplished,
        planned,
        blockers: blockers
            .into_iter()
            .map(|blocker| blocker_to_proto(blocker, severity, names))
            .collect::<Result<_, _>>()?,
        may_block: may_block
            .into_iter()
            .map(|Claim { node, note }| {
                Ok(v1::BlockingClaim {
                    node: names.node(&node)?,
                    note,
                })
            })
            .collect::<Result<_, Failure>>()?,
        decisions,
        submit_time: None,
    })
}

fn blocker_to_proto(
    blocker: Blocker,
    severity: Severity,
    names: &Names,
) -> Result<v1::CheckInBlocker, Failure> {
    match blocker {
        Blocker::Line(line) if looks_like_blocker(&line) => Ok(v1::CheckInBlocker {
            blocker: names.blocker(&line)?,
            ..v1::CheckInBlocker::default()
        }),
        Blocker::Line(line) => {
            let (named, title) = severity_and_title(&line);
            Ok(v1::CheckInBlocker {
                title: title.to_owned(),
                severity: named.unwrap_or(severity).to_proto().into(),
                ..v1::CheckInBlocker::default()
            })
        }
        Blocker::Full(FullBlocker {
            title,
            description,
            severity: named,
            category,
            causing_nodes,
            dedupe_key,
        }) => Ok(v1::CheckInBlocker {
            blocker: String::new(),
            title,
            description,
            severity: named.unwrap_or(severity).to_proto().into(),
            category,
            causing_nodes: names.nodes(&causing_nodes)?,
            dedupe_key,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::example;

    #[test]
    fn answers_become_a_message() {
        let answers: check_in::CheckIn = example("check-in").parse().unwrap();
        let names = Names::new(Some("acme".to_owned()));
        let node = names.node("checkout").unwrap();
        let check_in = to_proto(answers, node.clone(), Severity::Low, &names).unwrap();
        assert_eq!(check_in.node, node);
        let [there, line, full] = check_in.blockers.as_slice() else {
            panic!("{check_in:?}");
        };
        assert_eq!(there.blocker, "organizations/acme/blockers/B-12");
        assert_eq!(
            (line.severity(), line.title.as_str()),
            (v1::Severity::High, "Staging cluster is out of memory")
        );
        assert_eq!(full.causing_nodes, ["organizations/acme/nodes/payments"]);
        assert_eq!(
            check_in.may_block[0].node,
            "organizations/acme/nodes/payments"
        );
    }

    #[test]
    fn a_claim_may_have_a_note() {
        assert_eq!(claim("returns").note, "");
        assert_eq!(claim("returns=new tokens=soon").note, "new tokens=soon");
    }
}
