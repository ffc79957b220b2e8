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

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Semaphore;
use tonic::body::Body;
use tower::Service;

use crate::metrics::Metrics;
use method::Methods;

type Request = http::Request<Body>;
type Response = http::Response<Body>;

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

    /// Puts the layers around a service.
    pub(crate) fn around<S>(self, service: S) -> Layered<S> {
        Layered {
            layers: Arc::new(self),
            service,
        }
    }
}

/// A service with all layers around it. They are one, because a layer of its own costs a call several boxes.
#[derive(Clone)]
pub(crate) struct Layered<S> {
    layers: Arc<Layers>,
    service: S,
}

impl<S> Service<Request> for Layered<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let later = self.service.clone();
        // The one that was asked whether it is ready.
        let mut service = std::mem::replace(&mut self.service, later);
        let layers = self.layers.clone();
        Box::pin(async move {
            let answered = |request| async move {
                let Ok(response) = service.call(request).await;
                response
            };
            Ok(layers.call(request, answered).await)
        })
    }
}

impl Layers {
    async fn call<F: Future<Output = Response>>(
        self: &Arc<Self>,
        request: Request,
        answered: impl FnOnce(Request) -> F,
    ) -> Response {
        let method = &self.methods.find(request.uri().path());
        let gathered = |request| gather::gather(self, method, request, answered);
        let held = |request| hold::hold(self, method, request, gathered);
        let in_time = |request| deadline::deadline(self, method, request, held);
        let shed = |request| shed::shed(self, method, request, in_time);
        let explained = |request| explain::explain(request, shed);
        let caught = |request| panic::catch(self, request, explained);
        observe::observe(self, method, request, caught).await
    }
}
