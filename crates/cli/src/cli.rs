//! The command line as a whole.

use clap::{Parser, Subcommand};
use jiff::Timestamp;

use crate::{
    command::{
        apply, attention, blocker, completions, context, events, explain, meeting, node,
        organization, policy, rollup, tree, version, watch,
    },
    exit,
    failure::Failure,
    session::Session,
    settings::Flags,
};

/// Carries unresolved blockers up an organization's hierarchy of Scrum teams.
#[derive(Debug, Parser)]
#[command(
    name = "echelon",
    version,
    after_help = "`echelon help COMMAND` says more; `echelon --help` lists the exit codes.",
    after_long_help = exit::HELP,
    arg_required_else_help = true,
    infer_long_args = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Apply(apply::Apply),
    Tree(tree::Tree),
    #[command(subcommand)]
    Node(node::Node),
    #[command(subcommand, visible_alias = "org")]
    Organization(organization::Organization),
    Rollup(rollup::Rollup),
    Attention(attention::Attention),
    #[command(subcommand, visible_alias = "b")]
    Blocker(blocker::Blocker),
    #[command(subcommand, visible_alias = "m")]
    Meeting(meeting::Meeting),
    #[command(subcommand)]
    Policy(policy::Policy),
    Explain(explain::Explain),
    Events(events::Events),
    Watch(watch::Watch),
    #[command(subcommand)]
    Context(context::Context),
    Completions(completions::Completions),
    Version(version::Version),
}

/// Runs the command. The clock is read here, once.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { flags, command } = cli;
    let command = match command {
        // These need no server.
        Command::Context(context) => return context.run(&flags),
        Command::Completions(completions) => return completions.run(&flags),
        Command::Version(version) => return version.run(&flags),
        command => command,
    };
    let session = Session::open(&flags, Timestamp::now()).await?;
    let ended = match command {
        Command::Apply(apply) => apply.run(&session).await,
        Command::Tree(tree) => tree.run(&session).await,
        Command::Node(node) => node.run(&session).await,
        Command::Organization(organization) => organization.run(&session).await,
        Command::Rollup(rollup) => rollup.run(&session).await,
        Command::Attention(attention) => attention.run(&session).await,
        Command::Blocker(blocker) => blocker.run(&session).await,
        Command::Meeting(meeting) => meeting.run(&session).await,
        Command::Policy(policy) => policy.run(&session).await,
        Command::Explain(explain) => explain.run(&session).await,
        Command::Events(events) => events.run(&session).await,
        Command::Watch(watch) => watch.run(&session).await,
        Command::Context(_) | Command::Completions(_) | Command::Version(_) => Ok(()),
    };
    match ended {
        Err(Failure::NoOrganization { .. }) => Err(Failure::NoOrganization {
            // Only a help: what cannot be listed is left out.
            known: session.organizations().await.unwrap_or_default(),
        }),
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{}", sub.get_name());
                for argument in sub.get_arguments() {
                    assert!(
                        argument.get_help().is_some(),
                        "{} {}",
                        sub.get_name(),
                        argument.get_id()
                    );
                }
                check(sub);
            }
        }
        check(&Cli::command());
    }
}
