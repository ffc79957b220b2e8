//! Answers whose bytes are prepared: the services that give them are served by hand, since the generated ones encode every
//! answer anew.

use std::{convert::Infallible, future::Future, marker::PhantomData, pin::Pin};

use prost::Message;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    server::Grpc,
};
use tonic_prost::ProstDecoder;
use tower::service_fn;

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

/// Serves a call with one answer.
pub(super) fn unary<M, F>(
    request: http::Request<Body>,
    max_message_bytes: usize,
    answer: impl FnOnce(Request<M>) -> F + Send + 'static,
) -> Served
where
    M: Message + Default + Send + Sync + 'static,
    F: Future<Output = Result<Response<Prepared>, Status>> + Send + 'static,
{
    let mut answer = Some(answer);
    let service = service_fn(move |request| {
        let answered = answer.take().map(|answer| answer(request));
        async move {
            match answered {
                Some(answered) => answered.await,
                None => Err(Status::internal("a call was served twice")),
            }
        }
    });
    Box::pin(async move { Ok(grpc(max_message_bytes).unary(service, request).await) })
}

/// Serves a call with a stream of answers.
pub(super) fn streaming<M, F>(
    request: http::Request<Body>,
    max_message_bytes: usize,
    answer: impl FnOnce(Request<M>) -> F + Send + 'static,
) -> Served
where
    M: Message + Default + Send + Sync + 'static,
    F: Future<Output = Result<Response<Answers<Prepared>>, Status>> + Send + 'static,
{
    let mut answer = Some(answer);
    let service = service_fn(move |request| {
        let answered = answer.take().map(|answer| answer(request));
        async move {
            match answered {
                Some(answered) => answered.await,
                None => Err(Status::internal("a call was served twice")),
            }
        }
    });
    Box::pin(async move {
        Ok(grpc(max_message_bytes)
            .server_streaming(service, request)
            .await)
    })
}

/// Serves a call of a method that there is not.
pub(super) fn unknown() -> Served {
    Box::pin(async { Ok(Status::unimplemented("").into_http()) })
}
