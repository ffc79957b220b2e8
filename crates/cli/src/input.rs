//! Documents given with `-f`: YAML or JSON, from a file or from standard input.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
};

use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// A document as read, with the name that messages give it.
#[derive(Debug)]
pub(crate) struct Document {
    origin: String,
    text: String,
}

impl Document {
    /// Reads a file, or standard input if it is called `-`.
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let unreadable = |cause| Failure::File {
            verb: "read",
            path: PathBuf::from(path),
            cause,
        };
        if path != "-" {
            return Ok(Self {
                origin: path.to_owned(),
                text: fs::read_to_string(path).map_err(unreadable)?,
            });
        }
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        Ok(Self {
            origin: "standard input".to_owned(),
            text,
        })
    }

    #[cfg(test)]
    pub(crate) fn new(text: &str) -> Self {
        Self {
            origin: "test".to_owned(),
            text: text.to_owned(),
        }
    }

    /// The document as a value; a fault is named with its line.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if self.text.trim().is_empty() {
            return Err(self.fault("is empty: see docs/cli.md for its form"));
        }
        // JSON is almost YAML; its own parser says better what is wrong.
        if self.text.trim_start().starts_with('{') {
            return serde_json::from_str(&self.text).map_err(|error| self.fault(error.to_string()));
        }
        serde_yaml_ng::from_str(&self.text).map_err(|error| self.fault(error.to_string()))
    }

    /// A fault in the document.
    pub(crate) fn fault(&self, message: impl Into<String>) -> Failure {
        Failure::document(&self.origin, message)
    }
}
