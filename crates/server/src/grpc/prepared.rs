//! Answers whose bytes are prepared: the services that give them are served by hand, since the generated ones encode every
//! answer anew.

use std::{
    convert::Infallible,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use prost::Message;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    server::{Grpc, NamedService},
};
use tonic_prost::ProstDecoder;
use tower::{Service, service_fn};

use super::stream::Answers;
use crate::app::Prepared;

/// The answer of a service by hand.
pub(super) type Served =
    Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

/// Reads requests as usual, and writes prepared answers.
struct PreparedCodec<M>(PhantomData<M>);

impl<M: Message + Default + Send + 'static> Codec for PreparedCodec<M> {
    type Encode = Prepared;
    type Decode = M;
    type Encoder = PreparedEncoder;
    type Decoder = ProstDecoder<M>;

    fn encoder(&mut self) -> Self::Encoder {
        PreparedEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

/// Writes prepared answers.
struct PreparedEncoder;

impl Encoder for PreparedEncoder {
    type Item = Prepared;
    type Error = Status;

    fn encode(&mut self, item: Prepared, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        item.put(buffer);
        Ok(())
    }
}

fn grpc<M: Message + Default + Send + 'static>(max_message_bytes: usize) -> Grpc<PreparedCodec<M>> {
    Grpc::new(PreparedCodec(PhantomData))
        .apply_max_message_size_config(Some(max_message_bytes), Some(usize::MAX))
}

/// A service whose answers are prepared.
pub(super) trait ByHand: Send + Sync + 'static {
    /// Its name, as generated.
    const NAME: &'static str;

    /// Serves a call of one of its methods, by [`unary`], [`streaming`] or [`unknown`].
    fn serve(self: Arc<Self>, method: &str, call: Incoming) -> Served;
}

/// A call that has come in.
pub(super) struct Incoming {
    request: http::Request<Body>,
    max_message_bytes: usize,
}

/// Serves a service by hand.
pub(super) struct ServerByHand<S> {
    service: Arc<S>,
    max_message_bytes: usize,
}

impl<S> ServerByHand<S> {
    pub(super) fn new(service: S, max_message_bytes: usize) -> Self {
        Self {
            service: Arc::new(service),
            max_message_bytes,
        }
    }
}

impl<S> Clone for ServerByHand<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            max_message_bytes: self.max_message_bytes,
        }
    }
}

impl<S: ByHand> NamedService for ServerByHand<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: ByHand> Service<http::Request<Body>> for ServerByHand<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Served;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Served {
        let path = request.uri().path().to_owned();
        let call = Incoming {
            request,
            max_message_bytes: self.max_message_bytes,
        };
        let method = path.rsplit('/').next().unwrap_or_default();
        self.service.clone().serve(method, call)
    }
}

/// Serves a call with one answer.
pub(super) fn unary<M, F>(
    call: Incoming,
    answer: impl FnOnce(Request<M>) -> F + Send + 'static,
) -> Served
where
    M: Message + Default + Send + Sync + 'static,
    F: Future<Output = Result<Response<Prepared>, Status>> + Send + 'static,
{
    Box::pin(async move {
        let mut grpc = grpc(call.max_message_bytes);
        Ok(grpc.unary(once(answer), call.request).await)
    })
}

/// Serves a call with a stream of answers.
pub(super) fn streaming<M, F>(
    call: Incoming,
    answer: impl FnOnce(Request<M>) -> F + Send + 'static,
) -> Served
where
    M: Message + Default + Send + Sync + 'static,
    F: Future<Output = Result<Response<Answers<Prepared>>, Status>> + Send + 'static,
{
    Box::pin(async move {
        let mut grpc = grpc(call.max_message_bytes);
        Ok(grpc.server_streaming(once(answer), call.request).await)
    })
}

/// A service for the one request of a call.
fn once<M, T, F>(
    answer: impl FnOnce(Request<M>) -> F + Send,
) -> impl Service<Request<M>, Response = Response<T>, Error = Status, Future: Send> + Send
where
    M: Send,
    T: Send,
    F: Future<Output = Result<Response<T>, Status>> + Send,
{
    let mut answer = Some(answer);
    service_fn(move |request| {
        let answered = answer.take().map(|answer| answer(request));
        async move {
            match answered {
                Some(answered) => answered.await,
                None => Err(Status::internal("a call was served twice")),
            }
        }
    })
}

/// Serves a call of a method that there is not.
pub(super) fn unknown() -> Served {
    Box::pin(async { Ok(Status::unimplemented("").into_http()) })
}
