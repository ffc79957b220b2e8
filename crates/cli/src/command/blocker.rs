//! `echelon blocker`.

mod ack;
mod comment;
mod escalate;
mod history;
mod hold;
mod list;
mod merge;
mod own;
mod raise;
mod reopen;
mod resolve;
mod r#return;
mod show;
mod update;
mod verify;
mod withdraw;

use clap::Subcommand;
use echelon_client::{names::short, v1};

use crate::{
    failure::Failure,
    output::{line::Line, style},
    session::Session,
};

/// Raise blockers and act on them
#[derive(Debug, Subcommand)]
pub(crate) enum Blocker {
    Raise(raise::Raise),
    List(list::List),
    Show(show::Show),
    Update(update::Update),
    Ack(ack::Ack),
    Own(own::Own),
    Hold(hold::Hold),
    Resolve(resolve::Resolve),
    Verify(verify::Verify),
    Reopen(reopen::Reopen),
    Withdraw(withdraw::Withdraw),
    Merge(merge::Merge),
    Escalate(escalate::Escalate),
    Return(r#return::Return),
    Comment(comment::Comment),
    History(history::History),
}

impl Blocker {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Raise(raise) => raise.run(session).await,
            Self::List(list) => list.run(session).await,
            Self::Show(show) => show.run(session).await,
            Self::Update(update) => update.run(session).await,
            Self::Ack(ack) => ack.run(session).await,
            Self::Own(own) => own.run(session).await,
            Self::Hold(hold) => hold.run(session).await,
            Self::Resolve(resolve) => resolve.run(session).await,
            Self::Verify(verify) => verify.run(session).await,
            Self::Reopen(reopen) => reopen.run(session).await,
            Self::Withdraw(withdraw) => withdraw.run(session).await,
            Self::Merge(merge) => merge.run(session).await,
            Self::Escalate(escalate) => escalate.run(session).await,
            Self::Return(r#return) => r#return.run(session).await,
            Self::Comment(comment) => comment.run(session).await,
            Self::History(history) => history.run(session).await,
        }
    }
}

/// `B-12 is owned by rte@example.com`: the number, then what is the case now.
fn now(blocker: Option<&v1::Blocker>, what: impl FnOnce(&v1::Blocker) -> String) -> Line {
    let blocker = blocker.cloned().unwrap_or_default();
    let what = what(&blocker);
    Line::styled(style::BOLD, &short(&blocker.name))
        .and(" ")
        .and(&what)
}

/// Short name of the blocker in an answer.
fn short_name(blocker: Option<&v1::Blocker>) -> String {
    blocker
        .map(|blocker| short(&blocker.name))
        .unwrap_or_default()
}

/// `KEY=VALUE`.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as sprint=42".to_owned()),
    }
}
