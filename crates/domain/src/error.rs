//! What can go wrong, by what a caller can do about it.

use std::fmt;

/// One faulty field and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, as in the request: `blocker.title`, `nodes[3].parent`.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl FieldError {
    /// A faulty field and its remedy.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Invalid {
            reason: InvalidReason::Field,
            fields: vec![error],
        }
    }
}

/// Kinds of invalid input, as in `error_reason.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReason {
    /// A field is missing, malformed or out of range.
    Field,
    /// A policy's condition does not compile or type-check.
    Condition,
    /// A page token is malformed or belongs to another list.
    PageToken,
    /// A resume token is malformed.
    ResumeToken,
}

/// Why the present state does not permit a call, as in `error_reason.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// A resume token belongs to another organization or history.
    ForeignResumeToken,
    /// The move would make a node its own ancestor.
    CyclicMove,
    /// The root cannot be moved or archived.
    RootImmovable,
    /// The node is archived.
    NodeArchived,
    /// The node has active children.
    NodeHasChildren,
    /// The blocker is closed.
    BlockerClosed,
    /// The blocker is not in the state the call needs.
    WrongState,
    /// There is no level above.
    NoLevelAbove,
    /// There is no level below.
    NoLevelBelow,
    /// The meeting is closed.
    MeetingClosed,
    /// The node has an open meeting already.
    MeetingOpen,
    /// The node has a policy already.
    NodeHasPolicy,
}

/// Kinds of conflict, as in `error_reason.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictReason {
    /// The etag does not match: somebody else changed the resource.
    StaleEtag,
    /// The request id was used for a different call.
    RequestIdReused,
}

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The named resource does not exist.
    NotFound {
        /// Kind of resource, such as `node`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The name is taken.
    AlreadyExists {
        /// Kind of resource.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Faulty input; every faulty field is named.
    Invalid {
        /// Kind of fault.
        reason: InvalidReason,
        /// The faulty fields.
        fields: Vec<FieldError>,
    },
    /// The present state does not permit it.
    FailedPrecondition {
        /// Why.
        reason: Precondition,
        /// For people: why, and what to do.
        message: String,
    },
    /// Somebody else was faster.
    Conflict {
        /// Kind of conflict.
        reason: ConflictReason,
        /// For people: why, and what to do.
        message: String,
    },
    /// A revision or token lies in the future.
    OutOfRange {
        /// For people: why, and what to do.
        message: String,
    },
    /// A revision or token is older than the log.
    Compacted {
        /// For people: up to which revision the log is compacted, and what to do.
        message: String,
    },
    /// A field or message is larger than allowed.
    TooLarge {
        /// For people: what, and the limit.
        message: String,
    },
    /// The service cannot answer now; a retry may succeed.
    Unavailable {
        /// For people: why.
        message: String,
    },
    /// A fault of the service; the cause goes to the log and not to the caller.
    Internal {
        /// The cause, for the log.
        cause: String,
    },
}

impl Error {
    /// A missing resource.
    pub fn not_found(kind: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound {
            kind,
            id: id.to_string(),
        }
    }

    /// A taken name.
    pub fn already_exists(kind: &'static str, id: impl fmt::Display) -> Self {
        Self::AlreadyExists {
            kind,
            id: id.to_string(),
        }
    }

    /// A faulty field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        FieldError::new(field, message).into()
    }

    /// A state that does not permit the call.
    pub fn precondition(reason: Precondition, message: impl Into<String>) -> Self {
        Self::FailedPrecondition {
            reason,
            message: message.into(),
        }
    }

    /// A fault of the service.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal {
            cause: cause.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { kind, id } => {
                write!(f, "{kind} `{id}` does not exist: check its name")
            }
            Self::AlreadyExists { kind, id } => {
                write!(f, "{kind} `{id}` exists already: choose another id")
            }
            Self::Invalid { reason: _, fields } => {
                for (index, error) in fields.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {}", error.field, error.message)?;
                }
                Ok(())
            }
            Self::FailedPrecondition { reason: _, message }
            | Self::Conflict { reason: _, message }
            | Self::OutOfRange { message }
            | Self::Compacted { message }
            | Self::TooLarge { message }
            | Self::Unavailable { message } => f.write_str(message),
            Self::Internal { cause } => write!(f, "internal fault: {cause}"),
        }
    }
}

impl std::error::Error for Error {}
