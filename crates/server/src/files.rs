//! The limit of open files.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the process's limit as far as the system lets it: each connection is an open file, and shells give 1,024. If
/// that is refused, the old limit holds.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            eprintln!("echelond: the limit of open files stays as it is: {error}");
        }
    }
}
