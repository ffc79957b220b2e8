//! What happens to every call, once for all methods, outermost first:
//!
//! 1. `observe`: request id, span, metrics, one line in the log;
//! 2. `panic`: a panic becomes INTERNAL;
//! 3. `explain`: statuses that were not made here get their details;
//! 4. `shed`: too many calls at once are refused;
//! 5. `deadline`: a call ends at its deadline;
//! 6. `hold`: what nobody reads is limited;
//! 7. `gather`: a message is read before room is made for it.

mod deadline;
mod explain;
mod gather;
mod hold;
mod method;
mod observe;
mod panic;
mod request_id;
mod shed;
mod status;
#[cfg(test)]
mod tests;
mod trace;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use tokio::sync::Semaphore;
use tonic::service::Routes;

use crate::metrics::Metrics;
use method::Methods;

/// What the layers need to know.
pub(crate) struct Layers {
    methods: Methods,
    metrics: Arc<Metrics>,
    /// True if traces are exported.
    traced: bool,
    permits: Semaphore,
    timeout: Duration,
    timeout_max: Duration,
    max_message_bytes: usize,
    /// KiB of large answers that may wait for readers.
    unread: Arc<Semaphore>,
}

impl Layers {
    /// Layers for the methods of these encoded descriptor sets.
    ///
    /// Errors: a set that does not decode.
    pub(crate) fn new(
        descriptors: &[&[u8]],
        metrics: Arc<Metrics>,
        traced: bool,
        max_concurrent_requests: usize,
        timeout: Duration,
        timeout_max: Duration,
        max_message_bytes: usize,
    ) -> Result<Self, prost::DecodeError> {
        Ok(Self {
            methods: Methods::of(descriptors)?,
            metrics,
            traced,
            permits: Semaphore::new(max_concurrent_requests.min(Semaphore::MAX_PERMITS)),
            timeout,
            timeout_max,
            max_message_bytes,
            unread: Arc::new(Semaphore::new(hold::UNREAD_KIB_MAX)),
        })
    }

    /// Puts the layers around every method.
    pub(crate) fn around(self, routes: Routes) -> Routes {
        let router = routes.into_axum_router();
        Routes::from(router.layer(from_fn_with_state(Arc::new(self), call)))
    }
}

/// All layers as one of the router's, which pays for each of its own with several boxes a call.
async fn call(State(layers): State<Arc<Layers>>, request: Request, next: Next) -> Response {
    let method = &layers.methods.find(request.uri().path());
    let layers = &layers;
    let gathered = |request| gather::gather(layers, method, request, |request| next.run(request));
    let held = |request| hold::hold(layers, method, request, gathered);
    let in_time = |request| deadline::deadline(layers, method, request, held);
    let shed = |request| shed::shed(layers, method, request, in_time);
    let explained = |request| explain::explain(request, shed);
    let caught = |request| panic::catch(layers, request, explained);
    observe::observe(layers, method, request, caught).await
}
