//! Errors of the domain as gRPC statuses with `google.rpc` details: the one map.

use std::{collections::HashMap, time::Duration};

use echelon_domain::{ConflictReason, Error, FieldError, InvalidReason, Precondition};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::v1::ErrorReason;

/// Domain of the reasons.
pub const DOMAIN: &str = "echelon.dev";
/// What a client reads of a fault of the service.
const INTERNAL: &str =
    "the server has a fault: the cause is in its log, by the request id of this call";
/// Most bytes of a message, and of all faulty fields together. A status travels in headers, percent-encoded and in
/// base64, and clients refuse headers of more than 8 KiB: a longer one would not arrive at all.
const MESSAGE_MAX: usize = 800;
const FAULTS_MAX: usize = 2_400;
/// Most bytes of one fault.
const FAULT_MAX: usize = 600;
/// When to try again what is unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A reason as it stands in `google.rpc.ErrorInfo`.
#[must_use]
pub fn reason_name(reason: ErrorReason) -> &'static str {
    reason
        .as_str_name()
        .strip_prefix("ERROR_REASON_")
        .unwrap_or_default()
}

/// The status of an error. The cause of an internal one stays here: log it.
#[must_use]
pub fn status(error: &Error) -> Status {
    let (code, reason) = code_and_reason(error);
    let mut details = details(reason);
    match error {
        Error::Invalid { reason: _, fields } => {
            let mut room = FAULTS_MAX;
            for FieldError { field, message } in fields {
                let message = cut(message, FAULT_MAX);
                match room.checked_sub(field.len() + message.len()) {
                    Some(rest) => room = rest,
                    None => break,
                }
                details.add_bad_request_violation(field, message);
            }
        }
        Error::NotFound { kind, id } | Error::AlreadyExists { kind, id } => {
            details.set_resource_info(*kind, id, "", error.to_string());
        }
        Error::Unavailable { message: _ } => {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        Error::FailedPrecondition { .. }
        | Error::Conflict { .. }
        | Error::OutOfRange { .. }
        | Error::Compacted { .. }
        | Error::TooLarge { .. }
        | Error::Internal { .. } => {}
    }
    let message = match error {
        Error::Internal { cause: _ } => INTERNAL.to_owned(),
        _ => error.to_string(),
    };
    Status::with_error_details(code, cut(&message, MESSAGE_MAX), details)
}

/// The text, or as much of it as `max` bytes hold.
fn cut(text: &str, max: usize) -> String {
    const CUT: &str = "…";
    if text.len() <= max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max - CUT.len());
    format!("{}{CUT}", &text[..end])
}

/// A status that carries a reason and nothing else.
#[must_use]
pub fn plain(code: Code, reason: ErrorReason, message: impl Into<String>) -> Status {
    told(code, reason, message, None)
}

/// A status that carries a reason and facts for programs, in the metadata of `google.rpc.ErrorInfo`.
#[must_use]
pub fn told<'a>(
    code: Code,
    reason: ErrorReason,
    message: impl Into<String>,
    facts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Status {
    let facts: HashMap<String, String> = facts
        .into_iter()
        .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
        .collect();
    let details = ErrorDetails::with_error_info(reason_name(reason), DOMAIN, facts);
    Status::with_error_details(code, message.into(), details)
}

fn details(reason: ErrorReason) -> ErrorDetails {
    ErrorDetails::with_error_info(reason_name(reason), DOMAIN, HashMap::new())
}

fn code_and_reason(error: &Error) -> (Code, ErrorReason) {
    match error {
        Error::NotFound { .. } => (Code::NotFound, ErrorReason::NotFound),
        Error::AlreadyExists { .. } => (Code::AlreadyExists, ErrorReason::AlreadyExists),
        Error::Invalid { reason, fields: _ } => (
            Code::InvalidArgument,
            match reason {
                InvalidReason::Field => ErrorReason::InvalidField,
                InvalidReason::Condition => ErrorReason::InvalidCondition,
                InvalidReason::PageToken => ErrorReason::InvalidPageToken,
                InvalidReason::ResumeToken => ErrorReason::InvalidResumeToken,
            },
        ),
        Error::FailedPrecondition { reason, message: _ } => (
            Code::FailedPrecondition,
            match reason {
                Precondition::ForeignResumeToken => ErrorReason::ForeignResumeToken,
                Precondition::CyclicMove => ErrorReason::CyclicMove,
                Precondition::RootImmovable => ErrorReason::RootImmovable,
                Precondition::NodeArchived => ErrorReason::NodeArchived,
                Precondition::NodeHasChildren => ErrorReason::NodeHasChildren,
                Precondition::BlockerClosed => ErrorReason::BlockerClosed,
                Precondition::WrongState => ErrorReason::WrongState,
                Precondition::NoLevelAbove => ErrorReason::NoLevelAbove,
                Precondition::NoLevelBelow => ErrorReason::NoLevelBelow,
                Precondition::MeetingClosed => ErrorReason::MeetingClosed,
                Precondition::MeetingOpen => ErrorReason::MeetingOpen,
                Precondition::NodeHasPolicy => ErrorReason::NodeHasPolicy,
            },
        ),
        Error::Conflict { reason, message: _ } => match reason {
            ConflictReason::StaleEtag => (Code::Aborted, ErrorReason::StaleEtag),
            ConflictReason::RequestIdReused => (Code::AlreadyExists, ErrorReason::RequestIdReused),
        },
        Error::OutOfRange { message: _ } => (Code::OutOfRange, ErrorReason::FutureRevision),
        Error::Compacted { message: _ } => (Code::OutOfRange, ErrorReason::Compacted),
        Error::TooLarge { message: _ } => (Code::ResourceExhausted, ErrorReason::TooLarge),
        Error::Unavailable { message: _ } => (Code::Unavailable, ErrorReason::Unavailable),
        Error::Internal { cause: _ } => (Code::Internal, ErrorReason::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_faulty_field_is_in_the_details() {
        let error = Error::Invalid {
            reason: InvalidReason::Condition,
            fields: vec![FieldError::new("a", "b"), FieldError::new("c", "d")],
        };
        let status = status(&error);
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_CONDITION", DOMAIN)
        );
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
    }

    #[test]
    fn a_status_fits_into_headers_however_much_is_wrong() {
        let fault = |index: usize| FieldError::new(format!("nodes[{index}].id"), "é".repeat(9_000));
        let error = Error::Invalid {
            reason: InvalidReason::Field,
            fields: (0..100).map(fault).collect(),
        };
        let status = status(&error);
        let size = |headers: &tonic::codegen::http::HeaderMap| -> usize {
            headers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum()
        };
        let mut headers = tonic::codegen::http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        assert!(size(&headers) < 8 * 1024, "{}", size(&headers));
        let details = status.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "nodes[0].id");
        assert!(violations[0].description.ends_with('…'));
        assert!(violations.len() > 1);
    }

    #[test]
    fn the_cause_of_a_fault_does_not_leave_the_server() {
        let status = status(&Error::internal("password"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("password"));
        assert!(!String::from_utf8_lossy(status.details()).contains("password"));
    }
}
