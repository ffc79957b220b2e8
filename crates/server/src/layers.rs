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
        max_concurrent_requests: usize,
        timeout: Duration,
        timeout_max: Duration,
        max_message_bytes: usize,
    ) -> Result<Self, prost::DecodeError> {
        Ok(Self {
            methods: Methods::of(descriptors)?,
            metrics,
            permits: Semaphore::new(max_concurrent_requests.min(Semaphore::MAX_PERMITS)),
            timeout,
            timeout_max,
            max_message_bytes,
            unread: Arc::new(Semaphore::new(hold::UNREAD_KIB_MAX)),
        })
    }

    /// Puts the layers around every method.
    pub(crate) fn around(self, routes: Routes) -> Routes {
        let layers = Arc::new(self);
        let router = routes
            .into_axum_router()
            .layer(from_fn_with_state(layers.clone(), gather::gather))
            .layer(from_fn_with_state(layers.clone(), hold::hold))
            .layer(from_fn_with_state(layers.clone(), deadline::deadline))
            .layer(from_fn_with_state(layers.clone(), shed::shed))
            .layer(from_fn(explain::explain))
            .layer(from_fn_with_state(layers.clone(), panic::catch))
            .layer(from_fn_with_state(layers, observe::observe));
        Routes::from(router)
    }
}
