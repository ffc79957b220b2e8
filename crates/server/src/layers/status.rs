//! The statuses that the layers make themselves.

use std::{collections::HashMap, time::Duration};

use echelon_api::{
    convert::error::{DOMAIN, reason_name},
    v1::ErrorReason,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Response;

/// An UNAVAILABLE that asks to retry after a while.
pub(super) fn busy(message: &str, after: Duration) -> Status {
    let mut details = details(ErrorReason::Unavailable);
    details.set_retry_info(Some(after));
    Status::with_error_details(Code::Unavailable, message, details)
}

/// An INVALID_ARGUMENT that names the field; none if the message as a whole is meant.
pub(super) fn invalid(field: Option<&str>, message: &str) -> Status {
    let mut details = details(ErrorReason::InvalidField);
    let message = match field {
        Some(field) => {
            details.add_bad_request_violation(field, message);
            format!("{field}: {message}")
        }
        None => message.to_owned(),
    };
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// The answer that carries a status.
pub(super) fn answer(status: Status) -> Response {
    status.into_http()
}

fn details(reason: ErrorReason) -> ErrorDetails {
    ErrorDetails::with_error_info(reason_name(reason), DOMAIN, HashMap::new())
}
