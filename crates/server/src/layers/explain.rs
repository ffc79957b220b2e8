//! tonic and others make statuses without details, and with codes that suit a client more than a server. Every status
//! that leaves here has a reason.

use std::future::Future;

use echelon_api::{convert::error::plain, v1::ErrorReason};
use echelon_domain::Error;
use tonic::{Code, Status};

use super::{Request, Response, status};

/// How prost begins to say that bytes are no message.
const DECODE: &str = "failed to decode Protobuf message: ";
/// How tonic begins to say that a message is too long.
const TOO_LONG: &str = "Error, decoded message length too large: ";
/// How tonic begins to say that a call's frames are no gRPC, or that they end before it does.
const MALFORMED: [&str; 6] = [
    "h2 protocol error",
    "protocol error: received message",
    "Unexpected EOF decoding stream",
    "Missing request message",
    "Unexpected compression flag",
    "Error decompressing",
];

pub(super) async fn explain<F: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let response = next(request).await;
    let Some(given) = Status::from_header_map(response.headers()) else {
        return response;
    };
    if !given.details().is_empty() {
        return response;
    }
    explained(&given).map_or(response, status::answer)
}

/// The status that says it better; none if nothing is to be added.
fn explained(given: &Status) -> Option<Status> {
    let message = given.message();
    if let Some(sizes) = message.strip_prefix(TOO_LONG) {
        return Some(plain(
            Code::ResourceExhausted,
            ErrorReason::TooLarge,
            format!("the request is too large: {sizes}; send less at once"),
        ));
    }
    if let Some(fault) = message.strip_prefix(DECODE) {
        let (field, fault) = field(fault);
        return Some(status::invalid(
            field.as_deref(),
            &format!("is no valid protobuf ({fault}): check the client's encoding"),
        ));
    }
    if MALFORMED.iter().any(|start| message.starts_with(start)) {
        return Some(status::invalid(
            None,
            &format!("the call is no well-formed gRPC ({message}): check the client"),
        ));
    }
    let reason = match given.code() {
        Code::Unknown | Code::Internal | Code::DataLoss => {
            tracing::error!(error = message, "a call failed for an unforeseen reason");
            return Some(echelon_api::convert::error::status(&Error::internal(
                message,
            )));
        }
        Code::Unimplemented if message.is_empty() => {
            return Some(plain(
                Code::Unimplemented,
                ErrorReason::UnknownMethod,
                "this server has no such method: check its name and the versions of client and server",
            ));
        }
        Code::Ok | Code::Cancelled | Code::Unimplemented => return None,
        // Nothing here asks who calls, so no reason is defined for these.
        Code::PermissionDenied | Code::Unauthenticated => return None,
        Code::InvalidArgument => ErrorReason::InvalidField,
        Code::DeadlineExceeded => ErrorReason::DeadlineExceeded,
        Code::NotFound => ErrorReason::NotFound,
        Code::AlreadyExists => ErrorReason::AlreadyExists,
        Code::ResourceExhausted => ErrorReason::TooLarge,
        Code::FailedPrecondition => ErrorReason::WrongState,
        Code::Aborted => ErrorReason::StaleEtag,
        Code::OutOfRange => ErrorReason::FutureRevision,
        Code::Unavailable => ErrorReason::Unavailable,
    };
    Some(plain(given.code(), reason, message))
}

/// The path of the field that prost could not decode, and what was wrong with it: it names message and field of every
/// level, innermost first.
fn field(fault: &str) -> (Option<String>, &str) {
    let mut path = Vec::new();
    let mut rest = fault;
    while let Some((level, after)) = rest.split_once(": ") {
        let Some((message, field)) = level.split_once('.') else {
            break;
        };
        if message.contains(' ') || field.contains(' ') {
            break;
        }
        path.push(field);
        rest = after;
    }
    path.reverse();
    ((!path.is_empty()).then(|| path.join(".")), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    fn reason(status: &Status) -> String {
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.domain, "echelon.dev");
        info.reason
    }

    #[test]
    fn a_field_that_does_not_decode_is_named() {
        let given = Status::internal(
            "failed to decode Protobuf message: Blocker.title: RaiseBlockerRequest.blocker: invalid string value: data is not UTF-8 encoded",
        );
        let better = explained(&given).unwrap();
        assert_eq!(better.code(), Code::InvalidArgument);
        assert_eq!(reason(&better), "INVALID_FIELD");
        let violations = better.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "blocker.title");
        assert!(
            better
                .message()
                .starts_with("blocker.title: is no valid protobuf (invalid string value: ")
        );
    }

    #[test]
    fn every_status_of_others_gets_a_fitting_code_and_a_reason() {
        for (given, code, reason_name) in [
            (
                Status::out_of_range(
                    "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes",
                ),
                Code::ResourceExhausted,
                "TOO_LARGE",
            ),
            (
                Status::internal("failed to decode Protobuf message: invalid tag value: 0"),
                Code::InvalidArgument,
                "INVALID_FIELD",
            ),
            (
                Status::internal("Missing request message."),
                Code::InvalidArgument,
                "INVALID_FIELD",
            ),
            (
                Status::not_found("service not registered"),
                Code::NotFound,
                "NOT_FOUND",
            ),
            (
                Status::internal("h2 protocol error: error reading a body from connection"),
                Code::InvalidArgument,
                "INVALID_FIELD",
            ),
            (Status::unknown("h2 fell over"), Code::Internal, "INTERNAL"),
        ] {
            let better = explained(&given).unwrap();
            assert_eq!(better.code(), code, "{given:?}");
            assert_eq!(reason(&better), reason_name, "{given:?}");
        }
        assert!(explained(&Status::ok("")).is_none());
        let unknown = explained(&Status::unimplemented("")).unwrap();
        assert_eq!(unknown.code(), Code::Unimplemented);
        assert_eq!(reason(&unknown), "UNKNOWN_METHOD");
    }
}
