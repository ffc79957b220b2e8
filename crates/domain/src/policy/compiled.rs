//! A policy version with its conditions compiled.

use super::Version;

/// A policy version with its conditions compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct CompiledVersion {
    /// The version.
    pub version: Version,
}

impl CompiledVersion {
    /// Compiles a version. A condition that does not compile never holds, and says why in an explanation.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self { version }
    }
}
