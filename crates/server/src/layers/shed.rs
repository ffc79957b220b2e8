//! Too many calls at once are refused at the door: waiting would make all of them late.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::{Layers, status};

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Holds a permit until the answer begins: a stream gives it back once it is open.
pub(super) async fn shed(
    State(layers): State<Arc<Layers>>,
    request: Request,
    next: Next,
) -> Response {
    if !layers.methods.find(request.uri().path()).is_product {
        return next.run(request).await;
    }
    let Ok(_permit) = layers.permits.try_acquire() else {
        return status::answer(status::busy(
            "the server has too many calls at work: retry later",
            RETRY_AFTER,
        ));
    };
    next.run(request).await
}
