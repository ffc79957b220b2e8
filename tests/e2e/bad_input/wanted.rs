//! What a refusal must say.

use echelon_api::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::refusal::{faults, reason};

/// How a call must be refused.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    code: Code,
    reason: ErrorReason,
    field: Option<String>,
    resource: Option<&'static str>,
    says: &'static str,
}

impl Wanted {
    const fn new(code: Code, reason: ErrorReason) -> Self {
        Self {
            code,
            reason,
            field: None,
            resource: None,
            says: "",
        }
    }

    /// And its message contains this.
    pub(super) fn saying(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    fn at(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }
}

/// This field is faulty.
pub(super) fn field(field: impl Into<String>) -> Wanted {
    Wanted::new(Code::InvalidArgument, ErrorReason::InvalidField).at(field)
}

/// The condition in this field does not compile, from this column on.
pub(super) fn condition(field: impl Into<String>) -> Wanted {
    Wanted::new(Code::InvalidArgument, ErrorReason::InvalidCondition).at(field)
}

/// There is no such resource.
pub(super) fn missing(kind: &'static str) -> Wanted {
    Wanted {
        resource: Some(kind),
        ..Wanted::new(Code::NotFound, ErrorReason::NotFound)
    }
}

/// There is such a resource already.
pub(super) fn taken(kind: &'static str) -> Wanted {
    Wanted {
        resource: Some(kind),
        ..Wanted::new(Code::AlreadyExists, ErrorReason::AlreadyExists)
    }
}

/// The present state does not permit it.
pub(super) fn not_now(reason: ErrorReason) -> Wanted {
    Wanted::new(Code::FailedPrecondition, reason)
}

/// The blocker is closed.
pub(super) fn closed() -> Wanted {
    not_now(ErrorReason::BlockerClosed)
}

/// The node is archived.
pub(super) fn archived() -> Wanted {
    not_now(ErrorReason::NodeArchived)
}

/// The etag is stale.
pub(super) fn stale() -> Wanted {
    Wanted::new(Code::Aborted, ErrorReason::StaleEtag)
}

/// The request id was used for another call.
pub(super) fn reused() -> Wanted {
    Wanted::new(Code::AlreadyExists, ErrorReason::RequestIdReused)
}

/// The page token is of no use.
pub(super) fn page_token() -> Wanted {
    Wanted::new(Code::InvalidArgument, ErrorReason::InvalidPageToken).at("page_token")
}

/// The resume token is none.
pub(super) fn resume_token() -> Wanted {
    Wanted::new(Code::InvalidArgument, ErrorReason::InvalidResumeToken).at("resume_token")
}

/// The revision lies in the future.
pub(super) fn future() -> Wanted {
    Wanted::new(Code::OutOfRange, ErrorReason::FutureRevision)
}

/// Not now: to be tried again.
pub(super) fn unavailable() -> Wanted {
    Wanted::new(Code::Unavailable, ErrorReason::Unavailable)
}

/// It is too large.
pub(super) fn too_large() -> Wanted {
    Wanted::new(Code::ResourceExhausted, ErrorReason::TooLarge)
}

/// There is no such method.
pub(super) fn no_method() -> Wanted {
    Wanted::new(Code::Unimplemented, ErrorReason::UnknownMethod)
}

/// The request as a whole is malformed.
pub(super) fn malformed() -> Wanted {
    Wanted::new(Code::InvalidArgument, ErrorReason::InvalidField)
}

impl Wanted {
    /// What is missing in a status; empty if it says all that it must.
    pub(super) fn lacking(&self, status: &Status) -> Vec<String> {
        let Self {
            code,
            reason: wanted,
            field,
            resource,
            says,
        } = self;
        let mut lacking = Vec::new();
        let mut demand = |holds: bool, what: String| {
            if !holds {
                lacking.push(what);
            }
        };
        demand(status.code() == *code, format!("the code {code:?}"));
        let name = wanted.as_str_name().trim_start_matches("ERROR_REASON_");
        demand(reason(status) == name, format!("the reason {name}"));
        let domain = status.get_details_error_info().map(|info| info.domain);
        demand(
            domain.as_deref() == Some("echelon.dev"),
            "the domain".to_owned(),
        );
        let faults = faults(status);
        if let Some(field) = field {
            demand(
                faults.iter().any(|(found, _)| found == field),
                format!("a violation of `{field}`"),
            );
        }
        for (_, description) in &faults {
            demand(
                says_what_to_do(description),
                format!("a remedy in {description:?}"),
            );
        }
        if let Some(kind) = resource {
            let info = status.get_details_resource_info();
            let named = info
                .is_some_and(|info| info.resource_type == *kind && !info.resource_name.is_empty());
            demand(named, format!("the name of a resource of the kind {kind}"));
        }
        let message = status.message();
        demand(message.contains(says), format!("{says:?} in the message"));
        demand(
            says_what_to_do(message),
            "a remedy in the message".to_owned(),
        );
        demand(
            !message.ends_with('.'),
            "a message without a full stop".to_owned(),
        );
        lacking
    }
}

/// Whether a message says what to do: after a colon, or by what must be.
fn says_what_to_do(message: &str) -> bool {
    ["must ", "use ", ": "]
        .iter()
        .any(|part| message.contains(part))
}
