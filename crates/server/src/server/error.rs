//! Why a server does not start, or ended by itself.

use std::{io, path::PathBuf};

use echelon_store::StoreError;

/// A server that does not start or serve; the message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] StoreError),
    /// A listener has no address.
    #[error("a listener cannot be used: {0}")]
    Listener(io::Error),
    /// A file for TLS cannot be read.
    #[error("cannot read {setting} {}: {cause}: give the path of a PEM file", path.display())]
    TlsFile {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Certificate and key do not make a server.
    #[error("cannot serve TLS: {cause}: check tls_certificate, tls_key and tls_client_ca")]
    Tls {
        /// Why.
        cause: String,
    },
    /// Serving ended by itself, or could not begin.
    #[error("cannot serve: {cause}")]
    Serve {
        /// Why.
        cause: String,
    },
}

impl ServerError {
    /// An error with the causes that it hides.
    pub(super) fn serve(error: impl std::error::Error) -> Self {
        Self::Serve {
            cause: chain(&error),
        }
    }

    pub(super) fn tls(error: impl std::error::Error) -> Self {
        Self::Tls {
            cause: chain(&error),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
