//! What can go wrong, decoded from `google.rpc` details.

use std::{collections::BTreeMap, error::Error as _, fmt, time::Duration};

use tonic::{Code, Status, codegen::StdError};
use tonic_types::StatusExt as _;

/// Message of tonic's own client-side deadline, which it reports as CANCELLED.
const LOCAL_TIMEOUT: &str = "Timeout expired";

/// Why a call or a connection failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option cannot be used.
    #[error("{option}: {problem}")]
    Options {
        /// Name of the field of [`Options`](crate::Options).
        option: &'static str,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// No server could be reached.
    #[error("cannot reach {addresses}: {cause}")]
    Connect {
        /// The addresses tried, separated by commas.
        addresses: String,
        /// The innermost cause, such as `connection refused`.
        cause: String,
    },
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Box<Failure>),
}

/// A failed call.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The gRPC code. A connection that broke is [`Code::Unavailable`], a local deadline [`Code::DeadlineExceeded`].
    pub code: Code,
    /// What went wrong, for people.
    pub message: String,
    /// Reason of `ErrorInfo`, such as `STALE_ETAG`; see `error_reason.proto`.
    pub reason: Option<String>,
    /// Metadata of `ErrorInfo`.
    pub metadata: BTreeMap<String, String>,
    /// The faulty fields.
    pub field_violations: Vec<FieldViolation>,
    /// The resource it is about.
    pub resource: Option<Resource>,
    /// How long the server asks to wait before the next attempt.
    pub retry_delay: Option<Duration>,
}

/// One faulty field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path of the field, such as `nodes[3].level`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// The resource that a failure is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Kind of resource, such as `node`.
    pub kind: String,
    /// Resource name.
    pub name: String,
    /// What is the matter with it.
    pub description: String,
}

impl Error {
    pub(crate) fn options(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Options {
            option,
            problem: problem.into(),
        }
    }

    pub(crate) fn connect(addresses: &[String], error: &StdError) -> Self {
        Self::Connect {
            addresses: addresses.join(", "),
            cause: innermost(error.as_ref()),
        }
    }

    /// The gRPC code that says best what happened.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Options { .. } => Code::InvalidArgument,
            Self::Connect { .. } => Code::Unavailable,
            Self::Call(failure) => failure.code,
        }
    }

    /// The failed call, if one was made.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Options { .. } | Self::Connect { .. } => None,
            Self::Call(failure) => Some(failure),
        }
    }

    /// Reason of `ErrorInfo`, such as `STALE_ETAG`.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.failure()?.reason.as_deref()
    }

    /// True if the same call with the same `request_id` may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code() == Code::Unavailable
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(Failure::from(&status)))
    }
}

impl From<&Status> for Failure {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let (code, message) = local(status);
        Self {
            code,
            message,
            reason: info.map(|info| info.reason.clone()),
            metadata: info
                .map(|info| info.metadata.clone().into_iter().collect())
                .unwrap_or_default(),
            field_violations: details
                .bad_request()
                .map(|bad| bad.field_violations.as_slice())
                .unwrap_or_default()
                .iter()
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect(),
            resource: details.resource_info().map(|resource| Resource {
                kind: resource.resource_type.clone(),
                name: resource.resource_name.clone(),
                description: resource.description.clone(),
            }),
            retry_delay: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

/// Code and message, where tonic made the status on this side of the wire: it says UNKNOWN or INTERNAL for a
/// connection that broke and CANCELLED for a deadline that passed.
fn local(status: &Status) -> (Code, String) {
    if status.code() == Code::Cancelled && status.message() == LOCAL_TIMEOUT {
        return (
            Code::DeadlineExceeded,
            "the call took longer than its deadline".to_owned(),
        );
    }
    let broken = matches!(
        status.code(),
        Code::Unknown | Code::Internal | Code::Cancelled | Code::Unavailable
    );
    match status.source() {
        Some(source) if broken => (
            Code::Unavailable,
            format!("the connection to the server broke: {}", innermost(source)),
        ),
        _ => (status.code(), status.message().to_owned()),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    // The system's messages start with a capital and end with an error number: lower case, as all of ours.
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return write!(formatter, "{}", self.code.description());
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn details_are_decoded() {
        let mut details = ErrorDetails::new();
        details
            .set_error_info(
                "INVALID_FIELD",
                "echelon.dev",
                HashMap::from([("limit".to_owned(), "200".to_owned())]),
            )
            .add_bad_request_violation("blocker.title", "is empty: say what is wrong")
            .set_resource_info(
                "node",
                "organizations/acme/nodes/checkout",
                "",
                "is archived",
            )
            .set_retry_info(Some(Duration::from_millis(250)));
        let status = Status::with_error_details(Code::InvalidArgument, "invalid request", details);
        let error = Error::from(status);
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.reason(), Some("INVALID_FIELD"));
        assert!(!error.is_retryable());
        assert_eq!(error.to_string(), "invalid request");
        let failure = error.failure().unwrap();
        assert_eq!(failure.metadata["limit"], "200");
        assert_eq!(failure.field_violations[0].field, "blocker.title");
        assert_eq!(failure.resource.as_ref().unwrap().kind, "node");
        assert_eq!(failure.retry_delay, Some(Duration::from_millis(250)));
    }

    #[test]
    fn what_happened_on_this_side_gets_its_true_code() {
        let timeout = Error::from(Status::cancelled(LOCAL_TIMEOUT));
        assert_eq!(timeout.code(), Code::DeadlineExceeded);
        let broken =
            Status::from_error(Box::new(std::io::Error::other("Broken pipe (os error 32)")));
        let broken = Error::from(broken);
        assert!(broken.is_retryable());
        assert_eq!(
            broken.to_string(),
            "the connection to the server broke: broken pipe"
        );
        assert_eq!(Error::from(Status::unknown("odd")).code(), Code::Unknown);
    }
}
