//! What every call carries: who calls, and a bearer token.

use tonic::codegen::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{Error, Options};

/// Metadata key in which the server reads who calls.
pub const ACTOR_METADATA: &str = "echelon-actor";

/// What is added to the metadata of each call.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    authorization: Option<HeaderValue>,
    actor: Option<HeaderValue>,
}

impl Identity {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let authorization = match &options.token {
            None => None,
            Some(token) => {
                let value = HeaderValue::try_from(format!("Bearer {token}"));
                let mut value = value.map_err(|_| {
                    Error::options(
                        "token",
                        "holds characters that cannot be sent: use the token as issued",
                    )
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let actor =
            match options.checked_actor()? {
                None => None,
                Some(actor) => Some(actor.parse().map_err(|_| {
                    Error::options("actor", "holds characters that cannot be sent")
                })?),
            };
        Ok(Self {
            authorization,
            actor,
        })
    }

    /// Adds itself to a call.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) {
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(actor) = &self.actor {
            headers.insert(ACTOR_METADATA, actor.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_says_who_calls() {
        let identity = Identity::new(&Options {
            token: Some("t0ken".to_owned()),
            actor: Some("rte@example.com".to_owned()),
            ..Options::default()
        });
        let mut headers = HeaderMap::new();
        identity.unwrap().sign(&mut headers);
        assert_eq!(headers["authorization"], "Bearer t0ken");
        assert_eq!(headers["echelon-actor"], "rte@example.com");
        assert!(headers["authorization"].is_sensitive());
    }
}
