//! What every call carries: who calls, a bearer token, a deadline.

use std::time::Duration;

use tonic::{
    GrpcMethod, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{Error, Options};

/// Metadata key in which the server reads who calls.
pub const ACTOR_METADATA: &str = "echelon-actor";

/// Transport of the generated service clients.
pub type Transport = InterceptedService<Channel, Identity>;

/// Adds metadata to each call.
#[derive(Clone, Debug)]
pub struct Identity {
    authorization: Option<MetadataValue<Ascii>>,
    actor: Option<MetadataValue<Ascii>>,
    deadline: Duration,
}

impl Identity {
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        let authorization = match &options.token {
            None => None,
            Some(token) => {
                let mut value: MetadataValue<Ascii> =
                    format!("Bearer {token}").parse().map_err(|_| {
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
            deadline: options.deadline,
        })
    }
}

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        if let Some(actor) = &self.actor {
            request.metadata_mut().insert(ACTOR_METADATA, actor.clone());
        }
        // A watch lives as long as its watcher; everything else must end.
        let streams = request
            .extensions()
            .get::<GrpcMethod<'_>>()
            .is_some_and(|method| method.method().starts_with("Watch"));
        if !streams && !request.metadata().contains_key("grpc-timeout") {
            request.set_timeout(self.deadline);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::new(&Options {
            token: Some("t0ken".to_owned()),
            actor: Some("rte@example.com".to_owned()),
            deadline: Duration::from_secs(3),
            ..Options::default()
        })
        .unwrap()
    }

    fn called(method: &'static str, request: Request<()>) -> Request<()> {
        let mut request = request;
        request
            .extensions_mut()
            .insert(GrpcMethod::new("echelon.v1.EventService", method));
        identity().call(request).unwrap()
    }

    #[test]
    fn a_call_says_who_calls_and_ends() {
        let request = called("ListEvents", Request::new(()));
        let metadata = request.metadata();
        assert_eq!(metadata.get("authorization").unwrap(), "Bearer t0ken");
        assert_eq!(metadata.get("echelon-actor").unwrap(), "rte@example.com");
        assert_eq!(metadata.get("grpc-timeout").unwrap(), "3000000u");
    }

    #[test]
    fn a_deadline_of_the_caller_stays() {
        let mut request = Request::new(());
        request.set_timeout(Duration::from_secs(60));
        let request = called("ListEvents", request);
        assert_eq!(request.metadata().get("grpc-timeout").unwrap(), "60000000u");
    }

    #[test]
    fn a_watch_has_no_deadline() {
        let request = called("WatchEvents", Request::new(()));
        assert!(!request.metadata().contains_key("grpc-timeout"));
    }
}
