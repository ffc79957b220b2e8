//! What every handler does at its beginning and end.

use std::hash::Hasher as _;

use echelon_api::convert::{error::status, non_empty};
use echelon_domain::{Error, RequestId, text};
use fnv::FnvHasher;
use prost::Message;
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::app::Call;

/// The metadata that names who calls.
const ACTOR: &str = "echelon-actor";
/// Longest name of who calls, in characters.
const ACTOR_MAX: usize = 200;

/// Splits a mutating request into what surrounds it and what it asks. Errors: [`Error::Invalid`].
pub(super) fn call<M: Message>(
    method: &'static str,
    request: Request<M>,
    request_id: impl FnOnce(&mut M) -> &mut String,
) -> Result<(Call, M), Error> {
    let actor = actor(request.metadata())?;
    let mut message = request.into_inner();
    let id = std::mem::take(request_id(&mut message));
    let request_id = non_empty(&id)
        .map(|id| RequestId::new("request_id", id))
        .transpose()?;
    Ok((
        Call {
            method,
            request_id,
            fingerprint: fingerprint(method, &message),
            actor,
        },
        message,
    ))
}

/// Who calls, if the metadata says so. Errors: [`Error::Invalid`].
pub(super) fn actor(metadata: &MetadataMap) -> Result<Option<String>, Error> {
    let field = format!("metadata.{ACTOR}");
    let Some(value) = metadata.get(ACTOR) else {
        return Ok(None);
    };
    let value = value
        .to_str()
        .map_err(|_| Error::field(&field, "must be ASCII, such as an address of mail"))?;
    let actor = text::optional_line(&field, value, ACTOR_MAX)?;
    Ok(non_empty(&actor).map(str::to_owned))
}

/// A hash of a message that is the same in every release and on every machine.
pub(super) fn fingerprint(method: &str, message: &impl Message) -> i64 {
    let mut hasher = FnvHasher::default();
    hasher.write(method.as_bytes());
    hasher.write(&message.encode_to_vec());
    hasher.finish().cast_signed()
}

/// The answer of a handler. The cause of an internal error goes to the log here, once.
pub(super) fn reply<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| refusal(&error))
}

/// The status of an error, its cause logged if it is internal.
pub(super) fn refusal(error: &Error) -> Status {
    if let Error::Internal { cause } = error {
        tracing::error!(%cause, "a call failed by a fault of the server");
    }
    status(error)
}

/// A message that must be there. Errors: [`Error::Invalid`].
pub(super) fn required<T>(field: &str, message: Option<T>) -> Result<T, Error> {
    message.ok_or_else(|| Error::field(field, "must be set"))
}
