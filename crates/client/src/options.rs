//! How a client connects and behaves.

use std::{fmt, time::Duration};

use tonic::transport::{ClientTlsConfig, Endpoint, Uri};

use crate::Error;

/// Where a server listens if nobody says otherwise.
pub const DEFAULT_ADDRESS: &str = "http://127.0.0.1:7400";

/// More servers than this are surely a mistake.
const MAX_ADDRESSES: usize = 64;
/// Length that the server takes for an actor.
const MAX_ACTOR_CHARACTERS: usize = 200;

/// Options of a [`Client`](crate::Client); every field has a default.
#[derive(Clone)]
pub struct Options {
    /// Addresses of servers of one deployment, each with `http://` or `https://`; calls take turns over them, and one
    /// that fails is left aside for a while. Default: [`DEFAULT_ADDRESS`].
    pub addresses: Vec<String>,
    /// Deadline of a call that sets none itself, all its attempts together; streams have none. Default: 10 seconds.
    pub deadline: Duration,
    /// How long to wait for a connection. Default: 5 seconds.
    pub connect_timeout: Duration,
    /// Bearer token sent with every call. Default: none.
    pub token: Option<String>,
    /// Who calls, for the record; at most 200 printable ASCII characters. Default: nobody.
    pub actor: Option<String>,
    /// How long and how often a call is tried again.
    pub retry: RetryBudget,
    /// What a read reflects. Default: [`Consistency::Eventual`].
    pub consistency: Consistency,
    /// Trace that calls belong to whose caller is in none, as W3C's `traceparent`; what is no such thing is ignored.
    /// Default: none.
    pub trace_parent: Option<String>,
}

/// What a read reflects, where it goes through another server than the write before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// What the server that answers knows; of writes through others it may lag by a second.
    #[default]
    Eventual,
    /// At least what this client, or a clone of it, has seen of the organization: the client asks for that revision in
    /// each read that asks for none itself. After a restore of an older backup, make a new client: revisions that are
    /// gone do not come.
    ReadYourWrites,
}

/// Bounds of retrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    /// No attempt starts later than this after the first; zero: there is one round over the servers. Default: 10 seconds.
    pub within: Duration,
    /// Wait before the second attempt, doubled from attempt to attempt, with jitter. Default: 50 milliseconds.
    pub first_delay: Duration,
    /// The wait grows no further than this. Default: 2 seconds.
    pub max_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addresses: vec![DEFAULT_ADDRESS.to_owned()],
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            token: None,
            actor: None,
            retry: RetryBudget::default(),
            consistency: Consistency::default(),
            trace_parent: None,
        }
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(10),
            first_delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(2),
        }
    }
}

// By hand: the token must not come into a log.
impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            addresses,
            deadline,
            connect_timeout,
            token,
            actor,
            retry,
            consistency,
            trace_parent,
        } = self;
        formatter
            .debug_struct("Options")
            .field("addresses", addresses)
            .field("deadline", deadline)
            .field("connect_timeout", connect_timeout)
            .field("token", &token.as_ref().map(|_| "(secret)"))
            .field("actor", actor)
            .field("retry", retry)
            .field("consistency", consistency)
            .field("trace_parent", trace_parent)
            .finish()
    }
}

impl Options {
    /// The endpoints to connect to, checked.
    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        if self.addresses.is_empty() {
            return Err(Error::options(
                "addresses",
                "names no server: give at least one, such as http://127.0.0.1:7400",
            ));
        }
        if self.addresses.len() > MAX_ADDRESSES {
            return Err(Error::options(
                "addresses",
                format!(
                    "names more than {MAX_ADDRESSES} servers: name the servers of one deployment"
                ),
            ));
        }
        self.addresses
            .iter()
            .map(|address| self.endpoint(address))
            .collect()
    }

    fn endpoint(&self, address: &str) -> Result<Endpoint, Error> {
        let uri: Uri = address.parse().map_err(|_| {
            Error::options(
                "addresses",
                format!("`{address}` is no address: write http://HOST:PORT or https://HOST:PORT"),
            )
        })?;
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => {
                return Err(Error::options(
                    "addresses",
                    format!(
                        "`{address}` has no scheme: write http://{address} or https://{address}"
                    ),
                ));
            }
        };
        let endpoint = Endpoint::from(uri)
            .connect_timeout(self.connect_timeout)
            // A dead peer is noticed within half a minute, also while a watch is silent.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .user_agent(concat!("echelon-rust/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Error::options("addresses", error.to_string()))?;
        if !encrypted {
            return Ok(endpoint);
        }
        endpoint
            .tls_config(ClientTlsConfig::new().with_native_roots())
            .map_err(|error| Error::options("addresses", format!("`{address}`: {error}")))
    }

    /// The actor, checked as the server checks it.
    pub(crate) fn checked_actor(&self) -> Result<Option<&str>, Error> {
        let Some(actor) = self.actor.as_deref() else {
            return Ok(None);
        };
        let printable = actor
            .chars()
            .all(|character| character.is_ascii_graphic() || character == ' ');
        if actor.trim().is_empty() || actor.len() > MAX_ACTOR_CHARACTERS || !printable {
            return Err(Error::options(
                "actor",
                format!(
                    "must be 1 to {MAX_ACTOR_CHARACTERS} printable ASCII characters, such as rte@example.com"
                ),
            ));
        }
        Ok(Some(actor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_address(address: &str) -> Options {
        Options {
            addresses: vec![address.to_owned()],
            ..Options::default()
        }
    }

    #[test]
    fn an_address_needs_a_scheme() {
        assert!(with_address("http://127.0.0.1:7400").endpoints().is_ok());
        for bad in [
            "127.0.0.1:7400",
            "localhost:7400",
            "ftp://example.com",
            "",
            "http://a b",
        ] {
            assert!(with_address(bad).endpoints().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_actor_is_printable_ascii() {
        let with_actor = |actor: &str| Options {
            actor: Some(actor.to_owned()),
            ..Options::default()
        };
        assert!(with_actor("rte@example.com").checked_actor().is_ok());
        for bad in ["", "  ", "a\nb", "é", &"x".repeat(201)] {
            assert!(with_actor(bad).checked_actor().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_token_never_shows() {
        let options = Options {
            token: Some("s3cret".to_owned()),
            ..Options::default()
        };
        assert!(!format!("{options:?}").contains("s3cret"));
    }
}
