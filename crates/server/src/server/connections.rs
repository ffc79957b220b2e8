//! The connections of gRPC: so many and no more, each of which must say something.
//!
//! HTTP/2 ends a peer that answers no ping; here end those that never come so far: sockets that are opened and left, TLS without
//! a call, half a preface. And when the process has no file left to open, it waits and does not spin.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

use crate::metrics::{Counted, Metrics};

/// How long a peer may take to send its first bytes.
pub(super) const OPENING: Duration = Duration::from_secs(10);
/// As many as HTTP/2 begins with.
const OPENING_BYTES: usize = 24;
/// How long to wait before accepting again, when there is no file left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections are allowed.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Most open at once.
    pub(super) connections: usize,
    /// How long the first bytes may take.
    pub(super) opening: Duration,
    /// How long one may be without a byte in either direction.
    pub(super) silence: Duration,
}

/// The connections that come in, as long as there is room for them. What is too much is closed at once.
pub(super) fn accept(
    incoming: TcpIncoming,
    limits: Limits,
    metrics: Arc<Metrics>,
) -> impl Stream<Item = io::Result<Connection>> {
    let room = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    incoming.filter_map(move |socket| {
        let permit = room.clone().try_acquire_owned();
        let (metrics, limits) = (metrics.clone(), limits.clone());
        async move {
            match (socket, permit) {
                (Ok(socket), Ok(permit)) => {
                    let counted = metrics.connected();
                    Some(Ok(Connection::new(socket, permit, counted, &limits)))
                },
                (Ok(_), Err(_)) => {
                    metrics.count_refused_connection();
                    tracing::debug!("a connection more than max_client_connections is closed");
                    None
                }
                (Err(error), _) => {
                    if !is_of_peer(&error) {
                        tracing::warn!(%error, "no connection can be accepted: raise the limit of open files, or lower max_client_connections");
                        sleep(ACCEPT_PAUSE).await;
                    }
                    None
                }
            }
        }
    })
}

/// True if the peer went away before it was accepted.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// A connection that ends when its peer says nothing for too long.
pub(super) struct Connection {
    socket: TcpStream,
    received: usize,
    /// When a byte last went in either direction.
    active_at: Instant,
    silence: Duration,
    timer: Pin<Box<Sleep>>,
    _room: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Connection {
    fn new(
        socket: TcpStream,
        room: OwnedSemaphorePermit,
        counted: Counted,
        limits: &Limits,
    ) -> Self {
        Self {
            socket,
            received: 0,
            active_at: Instant::now(),
            silence: limits.silence,
            timer: Box::pin(sleep(limits.opening)),
            _room: room,
            _counted: counted,
        }
    }

    /// When it ends unless something is said.
    fn ends_at(&self) -> Instant {
        if self.received < OPENING_BYTES {
            // The opening has one limit for all of it, however slowly its bytes drip in.
            return self.timer.deadline();
        }
        self.active_at + self.silence
    }

    /// Ready when it has been silent for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let ends_at = self.ends_at();
            if ends_at <= Instant::now() {
                return Poll::Ready(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer says nothing",
                ));
            }
            self.timer.as_mut().reset(ends_at);
        }
    }

    fn note(&mut self, sent: &Poll<io::Result<usize>>) {
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.active_at = Instant::now();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = pin!(&mut self.socket).poll_read(context, buffer);
        if read.is_pending() {
            return self.poll_silence(context).map(Err);
        }
        self.received = self.received.saturating_add(buffer.filled().len() - before);
        self.active_at = Instant::now();
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = pin!(&mut self.socket).poll_write(context, bytes);
        self.note(&sent);
        sent
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.socket).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = pin!(&mut self.socket).poll_write_vectored(context, slices);
        self.note(&sent);
        sent
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    async fn served(connections: usize) -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            connections,
            opening: Duration::from_millis(40),
            silence: Duration::from_millis(400),
        };
        let accepted = accept(
            TcpIncoming::from(listener),
            limits,
            Arc::new(Metrics::new()),
        );
        let serving = tokio::spawn(async move {
            let mut accepted = pin!(accepted);
            while let Some(Ok(mut connection)) = accepted.next().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    while connection.read(&mut byte).await.is_ok_and(|read| read > 0) {}
                });
            }
        });
        (address, serving)
    }

    /// How long a peer is kept that sends these many bytes and then nothing.
    async fn kept(bytes: usize) -> Duration {
        let (address, serving) = served(1).await;
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(&vec![b'x'; bytes]).await.unwrap();
        let started = Instant::now();
        let _ = peer.read(&mut [0]).await;
        serving.abort();
        started.elapsed()
    }

    #[tokio::test]
    async fn who_says_nothing_is_gone_soon_and_who_stops_saying_anything_later() {
        for few in [0, 1, OPENING_BYTES - 1] {
            let kept = kept(few).await;
            assert!(kept >= Duration::from_millis(30), "{few}: {kept:?}");
        }
        let kept = kept(OPENING_BYTES).await;
        assert!(kept >= Duration::from_millis(390), "{kept:?}");
    }

    #[tokio::test]
    async fn what_is_too_much_is_closed_and_there_is_room_again_afterwards() {
        let (address, serving) = served(1).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
        drop(first);
        // The place is free when the server has seen the end of the first.
        loop {
            let mut next = TcpStream::connect(address).await.unwrap();
            let mut byte = [0];
            let closed = tokio::time::timeout(Duration::from_millis(20), next.read(&mut byte));
            if closed.await.is_err() {
                break;
            }
        }
        serving.abort();
    }
}
