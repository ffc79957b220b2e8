//! How calls are refused.

use std::fmt::Debug;

use echelon_api::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Checks that a call was refused with this code and reason, and returns the status.
#[track_caller]
pub(crate) fn refused<T: Debug>(
    result: Result<T, Status>,
    code: Code,
    reason: ErrorReason,
) -> Status {
    let status = result.expect_err("the call should be refused");
    assert_eq!(
        (status.code(), self::reason(&status).as_str()),
        (code, name(reason)),
        "{status:?}"
    );
    status
}

/// The reason in a status's details.
pub(crate) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

/// The faulty fields in a status's details, each with its description.
pub(crate) fn faults(status: &Status) -> Vec<(String, String)> {
    status
        .get_details_bad_request()
        .map(|details| details.field_violations)
        .unwrap_or_default()
        .into_iter()
        .map(|violation| (violation.field, violation.description))
        .collect()
}

fn name(reason: ErrorReason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}
