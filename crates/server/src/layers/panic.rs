//! A panic ends its call and nothing else.

use std::{future::Future, panic::AssertUnwindSafe};

use echelon_domain::Error;
use futures_util::FutureExt as _;

use super::{Layers, Request, Response, status};

/// The log has the panic already: the process's panic hook writes it, with its place and the call's span.
pub(super) async fn catch<F: Future<Output = Response>>(
    layers: &Layers,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    // What a panic may leave half done is dropped with the call; shared state is behind locks that tolerate it.
    let answer = AssertUnwindSafe(next(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        layers.metrics.rpc().count_panic();
        // The one map makes this status as well; it keeps the cause to itself.
        status::answer(echelon_api::convert::error::status(&Error::internal(
            "panic",
        )))
    })
}
