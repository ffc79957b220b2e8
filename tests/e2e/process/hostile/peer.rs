//! A peer that writes what it likes.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::frames::{DATA, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame};

/// A write that takes so long is not taken: the server holds the peer back.
const HELD_BACK: Duration = Duration::from_millis(500);
/// Nothing takes as long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The server closed the connection.
    Closed,
    /// The server reads no more.
    HeldBack,
    /// All of it was taken.
    Taken,
}

/// A connection.
pub(super) struct Peer {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Peer {
    /// One that says nothing.
    pub(super) async fn silent(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address)
                .await
                .expect("the server listens"),
            received: Vec::new(),
        }
    }

    /// One that begins as HTTP/2 does.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let mut peer = Self::silent(address).await;
        peer.send(PREFACE).await;
        peer.send(&frame(SETTINGS, 0, 0, &[])).await;
        peer
    }

    /// Sends bytes. That the server has gone is seen elsewhere.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes)).await;
    }

    /// Sends until the server has enough of it, and reads nothing meanwhile.
    pub(super) async fn flood(
        &mut self,
        most_bytes: usize,
        mut next: impl FnMut(usize) -> Vec<u8>,
    ) -> End {
        let mut sent = 0;
        for index in 1.. {
            if sent > most_bytes {
                break;
            }
            let bytes = next(index);
            sent += bytes.len();
            match timeout(HELD_BACK, self.stream.write_all(&bytes)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return End::Closed,
                Err(_) => return End::HeldBack,
            }
        }
        if self.is_closed_within(HELD_BACK).await {
            return End::Closed;
        }
        End::Taken
    }

    /// Whether the server closes the connection within this time, whatever it says before.
    pub(super) async fn is_closed_within(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut buffer = [0; 16 * 1024];
        loop {
            match tokio::time::timeout_at(until, self.stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return true,
                Ok(Ok(count)) => self.received.extend(&buffer[..count]),
                Err(_) => return false,
            }
        }
    }

    /// Reads until so many streams have ended, or nothing comes any more. Gives how many have.
    pub(super) async fn count_ended_streams(&mut self, wanted: usize) -> usize {
        let mut ended = BTreeSet::new();
        let mut buffer = [0; 16 * 1024];
        while ended.len() < wanted {
            let read = timeout(Duration::from_secs(20), self.stream.read(&mut buffer));
            let Ok(Ok(count @ 1..)) = read.await else {
                break;
            };
            self.received.extend(&buffer[..count]);
            while let Some((kind, flags, stream)) = self.next_frame() {
                let is_end =
                    kind == RST_STREAM || matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0;
                if is_end {
                    ended.insert(stream);
                }
            }
        }
        ended.len()
    }

    /// The kinds of the frames that came, with the reason if it was the last.
    pub(super) fn kinds(&mut self) -> Vec<String> {
        let mut kinds = Vec::new();
        loop {
            let reason = self.received.get(13..17).map(<[u8]>::to_vec);
            let Some((kind, _, _)) = self.next_frame() else {
                return kinds;
            };
            kinds.push(match (kind, reason) {
                // The number in letters: digits tell no kinds apart.
                (GOAWAY, Some(reason)) => format!("goaway {}", "i".repeat(usize::from(reason[3]))),
                (kind, _) => "k".repeat(usize::from(kind) + 1),
            });
        }
    }

    /// Takes a frame off what was received: its kind, flags and stream.
    fn next_frame(&mut self) -> Option<(u8, u8, u32)> {
        let head: [u8; 9] = self.received.get(..9)?.try_into().ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        if self.received.len() < 9 + length {
            return None;
        }
        self.received.drain(..9 + length);
        Some((kind, flags, u32::from_be_bytes(stream)))
    }
}
