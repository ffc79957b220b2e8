//! A TCP proxy on the loopback address that can be told to misbehave. It knows bytes, and nothing of what they mean.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::plan::fault::Trouble;

/// How long requests still come through after the first reply was dropped, before the connection is cut.
const DROPPING: Duration = Duration::from_millis(150);
/// Bytes taken at once.
const CHUNK: usize = 16 * 1024;

/// A proxy. Dropping it cuts everything.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

/// Where connections lead, and how they fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    target: Option<SocketAddr>,
    trouble: Option<Trouble>,
}

impl Proxy {
    /// Listens on a free port.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn start(target: Option<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("the proxy finds no free port")?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(State {
            target,
            trouble: None,
        });
        Ok(Self {
            address,
            state,
            accepting: tokio::spawn(accept(listener, seen)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections somewhere, or nowhere.
    pub(crate) fn lead(&self, target: Option<SocketAddr>) {
        self.state.send_modify(|state| state.target = target);
    }

    /// Makes connections misbehave, or stop it.
    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.state.send_modify(|state| state.trouble = trouble);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The connections are tasks of this one.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(connect(client, state.clone()));
                }
                // Too many open files, or a peer that left at once: the next one may do better.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Leads one connection until either side ends it, or it is cut. How it ends is all that anybody learns.
async fn connect(client: TcpStream, mut state: watch::Receiver<State>) {
    let State { target, trouble } = *state.borrow_and_update();
    let Some(target) = target.filter(|_| trouble != Some(Trouble::Cut)) else {
        return;
    };
    if trouble == Some(Trouble::HalfOpen) {
        until_it_passes(&mut state).await;
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = pump(from_client, to_server, state.clone(), Side::Requests) => {}
        _ = pump(from_server, to_client, state, Side::Replies) => {}
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Requests,
    Replies,
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
    side: Side,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let trouble = state.borrow_and_update().trouble;
        match trouble {
            Some(Trouble::Cut) => return Ok(()),
            Some(Trouble::HalfOpen) => {
                // What was on its way is lost, so nothing good can follow.
                until_it_passes(&mut state).await;
                return Ok(());
            }
            Some(Trouble::Delay { .. } | Trouble::DropReplies) | None => {}
        }
        let length = tokio::select! {
            biased;
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return Ok(()),
            },
            length = from.read(&mut chunk) => length?,
        };
        if length == 0 {
            return Ok(());
        }
        match trouble {
            Some(Trouble::Delay { by }) => sleep(by).await,
            Some(Trouble::DropReplies) if side == Side::Replies => {
                sleep(DROPPING).await;
                return Ok(());
            }
            Some(_) | None => {}
        }
        to.write_all(&chunk[..length]).await?;
    }
}

/// Waits until connections are not half-open any more.
async fn until_it_passes(state: &mut watch::Receiver<State>) {
    // An error means that the proxy is gone.
    let _ = state
        .wait_for(|state| state.trouble != Some(Trouble::HalfOpen))
        .await;
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// A server that echoes one connection after the other.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.into_split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn said(stream: &mut TcpStream) -> Option<u8> {
        stream.write_all(b"x").await.ok()?;
        timeout(SOON, stream.read_u8()).await.unwrap().ok()
    }

    #[tokio::test]
    async fn bytes_come_through_until_the_connection_is_cut() {
        let proxy = Proxy::start(Some(echo().await)).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream).await, Some(b'x'));
        proxy.trouble(Some(Trouble::Cut));
        assert_eq!(said(&mut stream).await, None);
        proxy.trouble(None);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream).await, Some(b'x'));
    }

    #[tokio::test]
    async fn a_reply_that_is_dropped_has_had_its_request() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(Some(listener.local_addr().unwrap())).await;
        let proxy = proxy.unwrap();
        proxy.trouble(Some(Trouble::DropReplies));
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"q").await.unwrap();
        assert_eq!(
            timeout(SOON, server.read_u8()).await.unwrap().unwrap(),
            b'q'
        );
        server.write_all(b"a").await.unwrap();
        assert!(timeout(SOON, client.read_u8()).await.unwrap().is_err());
    }

    #[tokio::test]
    async fn a_half_open_connection_is_silent_and_then_ends() {
        let proxy = Proxy::start(Some(echo().await)).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(said(&mut stream).await, Some(b'x'));
        proxy.trouble(Some(Trouble::HalfOpen));
        stream.write_all(b"x").await.unwrap();
        let silence = timeout(Duration::from_millis(50), stream.read_u8());
        assert!(silence.await.is_err());
        proxy.trouble(None);
        assert!(timeout(SOON, stream.read_u8()).await.unwrap().is_err());
    }
}
