//! Why a command failed, what that means for its exit code, and what to try.

use std::{io, path::PathBuf};

use echelon_client::{Error, names::short};
use tonic::Code;

use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line says something that cannot be done.
    #[error("{message}")]
    Usage {
        message: String,
        hint: Option<String>,
    },
    /// No organization is named; `known` are those that the server has.
    #[error("no organization is named")]
    NoOrganization { known: Vec<String> },
    /// A document or the configuration file cannot be used.
    #[error("{origin}: {message}")]
    Document { origin: String, message: String },
    /// The present state does not allow it.
    #[error("{message}")]
    Conflict {
        message: String,
        hint: Option<String>,
    },
    /// A file cannot be read or written.
    #[error("cannot {verb} {}: {}", path.display(), plain(cause))]
    File {
        verb: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
    /// Output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The server or the way to it.
    #[error(transparent)]
    Client(#[from] Error),
    /// The server's answer lacks what every answer has.
    #[error("the server's answer has no {0}: are server and command line of one version?")]
    Incomplete(&'static str),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn document(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Document {
            origin: origin.into(),
            message: message.into(),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::NoOrganization { .. } => Exit::Usage,
            Self::Document { .. } => Exit::Invalid,
            Self::Conflict { .. } => Exit::Conflict,
            // Whoever reads our output has seen enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Self::File { cause, .. } if cause.kind() == io::ErrorKind::NotFound => Exit::NotFound,
            Self::File { .. } | Self::Output(_) | Self::Incomplete(_) => Exit::Failure,
            Self::Client(Error::Options { .. }) => Exit::Usage,
            Self::Client(error) => Exit::from_code(error.code()),
        }
    }

    /// What to print: the message, each faulty field, what to try. None: end in silence.
    pub(crate) fn lines(&self) -> Option<Vec<String>> {
        if self.exit() == Exit::Success {
            return None;
        }
        let mut lines = match self {
            Self::Client(error) => client_lines(error),
            _ => vec![format!("error: {self}")],
        };
        if let Some(hint) = self.hint() {
            lines.push(format!("try: {hint}"));
        }
        Some(lines)
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Conflict { hint, .. } => hint.clone(),
            Self::NoOrganization { known } => Some(match known.as_slice() {
                [] => "echelon apply -f FILE makes an organization, --organization ID names one"
                    .to_owned(),
                [one] => format!(
                    "--organization {one}, or echelon context set NAME --organization {one}"
                ),
                [first, ..] => format!("--organization {first}; there are {}", known.join(", ")),
            }),
            Self::Client(error) => client_hint(error),
            Self::Document { .. } | Self::File { .. } | Self::Output(_) | Self::Incomplete(_) => {
                None
            }
        }
    }
}

/// A message of the system as ours are: without its number, and without a capital.
fn plain(cause: &io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

/// The message, then each faulty field on a line of its own, and nothing twice.
fn client_lines(error: &Error) -> Vec<String> {
    let violations = error
        .failure()
        .map(|failure| failure.field_violations.as_slice())
        .unwrap_or_default();
    let message = error.to_string();
    let told = violations
        .iter()
        .all(|violation| message.contains(&violation.description));
    let first = match violations {
        [] => return vec![format!("error: {message}")],
        [_] if told => return vec![format!("error: {message}")],
        _ if told => format!("error: {} fields are invalid", violations.len()),
        _ => format!("error: {message}"),
    };
    let fields = violations
        .iter()
        .map(|violation| format!("  {}: {}", violation.field, violation.description));
    [first].into_iter().chain(fields).collect()
}

fn client_hint(error: &Error) -> Option<String> {
    let text = match error.code() {
        Code::Unavailable => {
            "start a server with `echelond`, or name one with --address or `echelon context set NAME --address URL`"
        }
        Code::DeadlineExceeded => "--timeout 60s gives the server more time",
        Code::Unauthenticated => {
            "echelon context set NAME --token-env VARIABLE names where your token is"
        }
        Code::NotFound => return not_found_hint(error),
        _ => match error.reason()? {
            "BLOCKER_CLOSED" => {
                return resource(error).map(|name| format!("echelon blocker reopen {name}"));
            }
            "MEETING_OPEN" => "echelon meeting list --open shows the open meetings",
            "INVALID_CONDITION" => "echelon policy test tries a policy before it is saved",
            "FOREIGN_RESUME_TOKEN" | "FUTURE_REVISION" => {
                "echelon events --after 0 begins at the beginning"
            }
            "COMPACTED" => "echelon events --follow shows what happens from now on",
            _ => return None,
        },
    };
    Some(text.to_owned())
}

/// Short name of the resource that an error is about.
fn resource(error: &Error) -> Option<String> {
    error
        .failure()?
        .resource
        .as_ref()
        .map(|resource| short(&resource.name))
}

fn not_found_hint(error: &Error) -> Option<String> {
    let resource = error.failure()?.resource.as_ref()?;
    let command = match resource
        .kind
        .rsplit(['.', '/'])
        .next()?
        .to_lowercase()
        .as_str()
    {
        "organization" => "echelon organization list",
        "node" => "echelon tree",
        "blocker" => "echelon blocker list --all",
        "meeting" => "echelon meeting list",
        "policy" | "escalationpolicy" | "escalation_policy" => "echelon policy list",
        _ => return None,
    };
    Some(format!("{command} shows what there is"))
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn an_error_names_each_field_and_what_to_try() {
        let mut details = ErrorDetails::new();
        details
            .add_bad_request_violation("nodes[3].level", "is empty: use a label such as TEAM")
            .add_bad_request_violation("nodes[4].id", "is taken by nodes[2]");
        let status =
            Status::with_error_details(Code::InvalidArgument, "2 fields are invalid", details);
        let failure = Failure::Client(status.into());
        assert_eq!(failure.exit(), Exit::Invalid);
        assert_eq!(
            failure.lines().unwrap(),
            [
                "error: 2 fields are invalid",
                "  nodes[3].level: is empty: use a label such as TEAM",
                "  nodes[4].id: is taken by nodes[2]",
            ]
        );
    }

    #[test]
    fn nothing_is_said_twice() {
        let failure = |message: &str, fields: &[&str]| {
            let mut details = ErrorDetails::new();
            for field in fields {
                details.add_bad_request_violation(*field, "is empty");
            }
            let status = Status::with_error_details(Code::InvalidArgument, message, details);
            Failure::Client(status.into()).lines().unwrap()
        };
        assert_eq!(
            failure("title: is empty", &["title"]),
            ["error: title: is empty"]
        );
        assert_eq!(
            failure("title: is empty; origin: is empty", &["title", "origin"]),
            [
                "error: 2 fields are invalid",
                "  title: is empty",
                "  origin: is empty"
            ]
        );
    }

    #[test]
    fn messages_of_the_system_look_like_ours() {
        let failure = Failure::File {
            verb: "read",
            path: PathBuf::from("x.yaml"),
            cause: io::Error::from_raw_os_error(2),
        };
        assert_eq!(failure.exit(), Exit::NotFound);
        assert_eq!(
            failure.to_string(),
            "cannot read x.yaml: no such file or directory"
        );
    }

    #[test]
    fn a_missing_organization_lists_what_exists() {
        let failure = Failure::NoOrganization {
            known: vec!["acme".to_owned(), "globex".to_owned()],
        };
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(
            failure.lines().unwrap()[1],
            "try: --organization acme; there are acme, globex"
        );
    }

    #[test]
    fn what_is_not_found_says_where_to_look() {
        let details =
            ErrorDetails::with_resource_info("node", "organizations/acme/nodes/chekout", "", "");
        let status =
            Status::with_error_details(Code::NotFound, "there is no node chekout", details);
        let failure = Failure::Client(status.into());
        assert_eq!(failure.exit(), Exit::NotFound);
        assert_eq!(
            failure.lines().unwrap(),
            [
                "error: there is no node chekout",
                "try: echelon tree shows what there is",
            ]
        );
    }

    #[test]
    fn a_broken_pipe_ends_in_silence() {
        let failure = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.exit(), Exit::Success);
        assert!(failure.lines().is_none());
    }
}
