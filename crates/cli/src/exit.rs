//! Exit codes: what a script can tell apart.

use tonic::Code;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success = 0,
    /// A failure without a code of its own.
    Failure = 1,
    /// The command line cannot be understood (clap's own code).
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Input is not valid.
    Invalid = 4,
    /// The present state does not allow it, or somebody else was faster.
    Conflict = 5,
    /// The server cannot be reached, or not in time.
    Unavailable = 6,
    /// Not allowed.
    Permission = 7,
    /// Ended by Ctrl-C.
    Interrupted = 130,
}

/// The table for `echelon --help`; docs/cli.md repeats it.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done
    1  another failure
    2  the command line cannot be understood
    3  not found
    4  invalid input
    5  the present state does not allow it, or a stale etag
    6  the server is unavailable, or the deadline passed
    7  permission denied, or not authenticated
  130  interrupted";

impl Exit {
    /// The one map from gRPC codes.
    pub(crate) fn from_code(code: Code) -> Self {
        match code {
            Code::Ok => Self::Success,
            Code::NotFound => Self::NotFound,
            Code::InvalidArgument | Code::OutOfRange | Code::ResourceExhausted => Self::Invalid,
            Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => Self::Conflict,
            Code::Unavailable | Code::DeadlineExceeded => Self::Unavailable,
            Code::PermissionDenied | Code::Unauthenticated => Self::Permission,
            Code::Cancelled
            | Code::Unknown
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grpc_code_has_an_exit_code() {
        let expected = [0, 1, 1, 4, 6, 3, 5, 7, 4, 5, 5, 4, 1, 1, 6, 1, 7];
        for (number, exit) in expected.into_iter().enumerate() {
            let code = Code::from_i32(i32::try_from(number).unwrap());
            assert_eq!(Exit::from_code(code) as u8, exit, "{code:?}");
        }
    }

    #[test]
    fn help_and_documents_name_every_code() {
        let document = include_str!("../../../docs/cli.md");
        for exit in [0, 1, 2, 3, 4, 5, 6, 7, 130] {
            assert!(HELP.contains(&format!("{exit:>5}  ")), "{exit}");
            assert!(document.contains(&format!("| {exit} |")), "{exit}");
        }
    }
}
