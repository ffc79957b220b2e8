//! What gRPC alone costs: a bare unary call on tonic, with a reply of the size asked for.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::BoxFuture,
    server::{Grpc, NamedService, UnaryService},
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// Path of the one method.
pub const PATH: &str = "/echelon.bench.EchoService/Echo";
/// The largest reply.
const SIZE_MAX: usize = 16 * 1024 * 1024;

/// Asks for a reply.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EchoRequest {
    /// As long as the judged call's request.
    #[prost(bytes = "bytes", tag = "1")]
    pub padding: Bytes,
    /// Bytes of the reply.
    #[prost(uint64, tag = "2")]
    pub size: u64,
}

/// The reply.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EchoResponse {
    /// So many bytes as were asked for.
    #[prost(bytes = "bytes", tag = "1")]
    pub payload: Bytes,
}

/// Serves until the process is ended.
///
/// # Errors
/// If it cannot listen.
pub async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    eprintln!("echo on {}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = EchoService {
        payload: Arc::new(vec![b'x'; SIZE_MAX].into()),
    };
    Server::builder()
        .serve_with_incoming(Routes::new(service).prepare(), incoming)
        .await
        .context("the echo server failed")
}

#[derive(Clone)]
struct EchoService {
    /// What replies are cut from.
    payload: Arc<Bytes>,
}

impl NamedService for EchoService {
    const NAME: &'static str = "echelon.bench.EchoService";
}

impl tonic::codegen::Service<http::Request<Body>> for EchoService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<EchoResponse, EchoRequest>::default());
            Ok(grpc.unary(method, request).await)
        })
    }
}

impl UnaryService<EchoRequest> for EchoService {
    type Response = EchoResponse;
    type Future = Ready<Result<Response<EchoResponse>, Status>>;

    fn call(&mut self, request: Request<EchoRequest>) -> Self::Future {
        let size = usize::try_from(request.get_ref().size).unwrap_or(SIZE_MAX);
        ready(Ok(Response::new(EchoResponse {
            payload: self.payload.slice(..size.min(SIZE_MAX)),
        })))
    }
}
