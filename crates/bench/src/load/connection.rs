//! One HTTP/2 connection with gRPC calls on it.

use std::{fmt, net::SocketAddr};

use anyhow::{Context as _, Result};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, Method, Request, Response, Uri, uri::PathAndQuery};
use prost::Message;
use tokio::net::TcpStream;

use super::stream::Stream;

/// Bytes before a gRPC message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;
/// The server may send so much of one reply, and on one connection, before it must wait.
const WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// The code of UNAVAILABLE: the same call may be made again.
pub const UNAVAILABLE: i32 = 14;

/// A call that was not answered with OK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The gRPC status code; none if the transport failed.
    pub code: Option<i32>,
    /// True if the server has reset the stream of the call, and nothing else of the connection.
    pub is_reset: bool,
    /// For people.
    pub message: String,
}

impl Failure {
    pub(super) fn transport(error: impl fmt::Display) -> Self {
        Self {
            code: None,
            is_reset: false,
            message: error.to_string(),
        }
    }

    /// What has ended a stream before its trailers.
    pub(super) fn stream(error: h2::Error) -> Self {
        Self {
            is_reset: error.is_reset() && error.is_remote(),
            ..Self::transport(error)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "status {code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}

/// A connection. Cheap to clone; calls on it go on at once.
#[derive(Clone)]
pub struct Connection {
    sender: SendRequest<Bytes>,
    authority: String,
}

impl Connection {
    /// Connects. What comes in is read by a task of the present runtime.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Self::with_windows(address, WINDOW, CONNECTION_WINDOW).await
    }

    /// Connects, and lets the server send so much before it must wait for a reader.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn with_windows(address: SocketAddr, stream: u32, connection: u32) -> Result<Self> {
        let socket = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        socket.set_nodelay(true)?;
        let (sender, driver) = h2::client::Builder::new()
            .initial_window_size(stream)
            .initial_connection_window_size(connection)
            .handshake(socket)
            .await
            .context("the server does not speak HTTP/2")?;
        tokio::spawn(async move {
            // Calls on a connection that breaks fail by themselves.
            if let Err(error) = driver.await {
                eprintln!("a connection broke: {error}");
            }
        });
        Ok(Self {
            sender,
            authority: address.to_string(),
        })
    }

    /// Calls a unary method with framed bytes and returns the bytes of the reply.
    ///
    /// # Errors
    /// [`Failure`] unless the status is OK.
    pub async fn call(&self, path: &'static str, message: Bytes) -> Result<Bytes, Failure> {
        let (head, mut body) = self.begin(path, message).await?;
        check_status(head.headers())?;
        let mut received: Option<Bytes> = None;
        let mut joined = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(Failure::transport)?;
            release(&mut body, chunk.len())?;
            match received.take() {
                None if joined.is_empty() => received = Some(chunk),
                first => {
                    joined.extend_from_slice(&first.unwrap_or_default());
                    joined.extend_from_slice(&chunk);
                }
            }
        }
        let trailers = body.trailers().await.map_err(Failure::transport)?;
        finish(trailers.as_ref())?;
        let whole = received.unwrap_or_else(|| joined.freeze());
        if whole.len() < PREFIX {
            return Err(Failure::transport("the reply has no message"));
        }
        Ok(whole.slice(PREFIX..))
    }

    /// Calls a unary method with messages.
    ///
    /// # Errors
    /// [`Failure`] unless the status is OK and the reply can be read.
    pub async fn unary<Q, A>(&self, path: &'static str, request: &Q) -> Result<A, Failure>
    where
        Q: Message,
        A: Message + Default,
    {
        let reply = self.call(path, frame(request)).await?;
        A::decode(reply).map_err(Failure::transport)
    }

    /// Opens a stream of replies.
    ///
    /// # Errors
    /// [`Failure`] if it is refused.
    pub async fn stream(
        &self,
        path: &'static str,
        request: &impl Message,
    ) -> Result<Stream, Failure> {
        let (head, body) = self.begin(path, frame(request)).await?;
        check_status(head.headers())?;
        Ok(Stream::new(body))
    }

    async fn begin(
        &self,
        path: &'static str,
        message: Bytes,
    ) -> Result<(Response<()>, RecvStream), Failure> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(self.authority.as_str())
            .path_and_query(PathAndQuery::from_static(path))
            .build()
            .map_err(Failure::transport)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(())
            .map_err(Failure::transport)?;
        let mut sender = self
            .sender
            .clone()
            .ready()
            .await
            .map_err(Failure::transport)?;
        let (response, mut sending) = sender
            .send_request(request, false)
            .map_err(Failure::transport)?;
        sending
            .send_data(message, true)
            .map_err(Failure::transport)?;
        let (head, body) = response.await.map_err(Failure::transport)?.into_parts();
        Ok((Response::from_parts(head, ()), body))
    }
}

/// The bytes of a message as gRPC sends it.
#[must_use]
pub fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // A buffer that grows takes all of it.
    message.encode_raw(&mut framed);
    framed.freeze()
}

/// Lets the server send on.
pub(super) fn release(body: &mut RecvStream, length: usize) -> Result<(), Failure> {
    body.flow_control()
        .release_capacity(length)
        .map_err(Failure::transport)
}

/// A call that is refused at once has its status in the headers.
fn check_status(headers: &HeaderMap) -> Result<(), Failure> {
    match headers.get("grpc-status") {
        Some(_) => finish(Some(headers)),
        None => Ok(()),
    }
}

/// The status in the trailers.
pub(super) fn finish(trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    let text = |name: &str| {
        trailers
            .and_then(|trailers| trailers.get(name))
            .and_then(|value| value.to_str().ok())
    };
    match text("grpc-status").and_then(|code| code.parse::<i32>().ok()) {
        Some(0) => Ok(()),
        Some(code) => Err(Failure {
            code: Some(code),
            is_reset: false,
            message: unescape(text("grpc-message").unwrap_or_default()),
        }),
        None => Err(Failure::transport("the reply has no grpc-status")),
    }
}

/// The text of a `grpc-message`, whose bytes may be written as `%20`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_meant() {
        assert_eq!(unescape("retry%20with%20the%E2%80%A6"), "retry with the…");
        assert_eq!(unescape("100%, 5%2"), "100%, 5%2");
    }
}
