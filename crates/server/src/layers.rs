//! What happens to every call, once for all methods, outermost first:
//!
//! 1. `observe`: request id, span, metrics, one line in the log;
//! 2. `panic`: a panic becomes INTERNAL;
//! 3. `explain`: statuses that were not made here get their details;
//! 4. `shed`: too many calls at once are refused;
//! 5. `deadline`: a call ends at its deadline.

mod deadline;
mod explain;
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

use axum::middleware::{from_fn, from_fn_with_state};
use tokio::sync::Semaphore;
use tonic::service::Routes;

use crate::metrics::Metrics;
use method::Methods;

/// What the layers need to know.
pub(crate) struct Layers {
    methods: Methods,
    metrics: Arc<Metrics>,
    permits: Semaphore,
    timeout: Duration,
    timeout_max: Duration,
}

impl Layers {
    /// Layers for the methods of these encoded descriptor sets.
    ///
    /// Errors: a set that does not decode.
    pub(crate) fn new(
        descriptors: &[&[u8]],
        metrics: Arc<Metrics>,
        max_concurrent_requests: usize,
        timeout: Duration,
        timeout_max: Duration,
    ) -> Result<Self, prost::DecodeError> {
        Ok(Self {
            methods: Methods::of(descriptors)?,
            metrics,
            permits: Semaphore::new(max_concurrent_requests.min(Semaphore::MAX_PERMITS)),
            timeout,
            timeout_max,
        })
    }

    /// Puts the layers around every method.
    pub(crate) fn around(self, routes: Routes) -> Routes {
        let layers = Arc::new(self);
        let router = routes
            .into_axum_router()
            .layer(from_fn_with_state(layers.clone(), deadline::deadline))
            .layer(from_fn_with_state(layers.clone(), shed::shed))
            .layer(from_fn(explain::explain))
            .layer(from_fn_with_state(layers.clone(), panic::catch))
            .layer(from_fn_with_state(layers, observe::observe));
        Routes::from(router)
    }
}
