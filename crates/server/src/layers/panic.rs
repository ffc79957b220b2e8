//! A panic ends its call and nothing else.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use echelon_domain::Error;
use futures_util::FutureExt as _;

use super::{Layers, status};

/// The log has the panic already: the process's panic hook writes it, with its place and the call's span.
pub(super) async fn catch(
    State(layers): State<Arc<Layers>>,
    request: Request,
    next: Next,
) -> Response {
    // What a panic may leave half done is dropped with the call; shared state is behind locks that tolerate it.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        layers.metrics.rpc().count_panic();
        // The one map makes this status as well; it keeps the cause to itself.
        status::answer(echelon_api::convert::error::status(&Error::internal(
            "panic",
        )))
    })
}
