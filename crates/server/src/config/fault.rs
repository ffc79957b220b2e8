//! What is wrong with a configuration: which setting, where it comes from, and what to do.

use std::{fmt, path::PathBuf};

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("by default"),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Variable(name) | Self::Flag(name) => write!(f, "by {name}"),
        }
    }
}

/// One faulty setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name.
    pub setting: String,
    /// Its value, if it may be shown.
    pub value: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            setting,
            value,
            origin,
            message,
        } = self;
        match value {
            Some(value) => write!(f, "{setting} = {value}, set {origin}, {message}"),
            None => write!(f, "{setting}, set {origin}, {message}"),
        }
    }
}

/// Every fault of a configuration, or that its file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Faults {
    /// The file cannot be read or is no TOML.
    #[error("cannot use the configuration file {}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        message: String,
    },
    /// These settings are faulty.
    #[error("the configuration is invalid{}", list(.0))]
    Settings(Vec<Fault>),
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}
