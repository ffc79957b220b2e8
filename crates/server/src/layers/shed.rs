//! Too many calls at once are refused at the door: waiting would make all of them late.

use std::{future::Future, time::Duration};

use super::{Layers, Request, Response, method::Method, status};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Holds a permit until the answer begins: a stream gives it back once it is open.
pub(super) async fn shed<F: Future<Output = Response>>(
    layers: &Layers,
    method: &Method,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if !method.is_product {
        return next(request).await;
    }
    let Ok(_permit) = layers.permits.try_acquire() else {
        return status::answer(status::busy(
            "the server has too many calls at work: retry later",
            RETRY_AFTER,
        ));
    };
    next(request).await
}
