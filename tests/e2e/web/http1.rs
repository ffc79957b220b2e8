//! HTTP/1.1 by hand, as a browser speaks it to a server.

use std::{collections::BTreeMap, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::Message;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{Status, codegen::http::HeaderMap};

use crate::support::soon;

/// The flag of a frame that holds trailers.
const TRAILERS: u8 = 0x80;
/// Flag and length.
const PREFIX: usize = 5;

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    head: String,
    body: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: &str, path: &str) -> Self {
        Self {
            head: format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"),
            body: Vec::new(),
        }
    }

    /// A call of a method through gRPC-Web, in one of its content types.
    pub(super) fn grpc_web(method: &str, kind: &str, message: &impl Message) -> Self {
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let frame = [&[0], &length[..], &message].concat();
        let call = Self::new("POST", &format!("/echelon.v1.{method}"))
            .header("content-type", kind)
            .header("accept", kind)
            .header("x-grpc-web", "1");
        Self {
            body: if is_text(kind) {
                STANDARD.encode(frame).into_bytes()
            } else {
                frame
            },
            ..call
        }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    async fn begin(&self, address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let Self { head, body } = self;
        let head = format!("{head}content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        stream
    }

    /// The whole answer.
    pub(super) async fn send(self, address: SocketAddr) -> Answer {
        let mut stream = self.begin(address).await;
        let mut bytes = Vec::new();
        soon(stream.read_to_end(&mut bytes)).await.unwrap();
        Answer::read(&bytes).expect("the answer is whole")
    }

    /// The first message of an answer that goes on.
    pub(super) async fn first_message(self, address: SocketAddr) -> Vec<u8> {
        let mut stream = self.begin(address).await;
        let mut bytes = Vec::new();
        loop {
            let read = stream.read_buf(&mut bytes).await.unwrap();
            assert!(
                read > 0,
                "the answer ends: {}",
                String::from_utf8_lossy(&bytes)
            );
            if let Some(answer) = Answer::read(&bytes)
                && let Some(message) = answer.frames().0.into_iter().next()
            {
                return message;
            }
        }
    }
}

/// An answer, or what has come of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    /// Reads what has come; none before the head is whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        let headers = fields(rest);
        let body = &bytes[end + 4..];
        let chunked = headers
            .get("transfer-encoding")
            .is_some_and(|how| how == "chunked");
        let body = if chunked {
            unchunked(body)
        } else {
            body.to_vec()
        };
        let text = headers
            .get("content-type")
            .is_some_and(|kind| is_text(kind));
        Some(Self {
            status: first.split(' ').nth(1)?.parse().ok()?,
            body: if text { decoded(&body) } else { body },
            headers,
        })
    }

    /// A header; empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The messages and the trailers.
    pub(super) fn frames(&self) -> (Vec<Vec<u8>>, BTreeMap<String, String>) {
        let (mut messages, mut trailers) = (Vec::new(), BTreeMap::new());
        let mut rest = self.body.as_slice();
        while let Some((prefix, after)) = rest.split_at_checked(PREFIX) {
            let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
            let Some((frame, after)) = after.split_at_checked(usize::try_from(length).unwrap())
            else {
                break;
            };
            if prefix[0] & TRAILERS == 0 {
                messages.push(frame.to_vec());
            } else {
                trailers.extend(fields(std::str::from_utf8(frame).unwrap()));
            }
            rest = after;
        }
        (messages, trailers)
    }

    /// The status, in the trailers or, without a body, in the headers.
    pub(super) fn grpc_status(&self) -> Status {
        let mut all = HeaderMap::new();
        let (_, trailers) = self.frames();
        for (name, value) in self.headers.iter().chain(&trailers) {
            let name: tonic::codegen::http::HeaderName = name.parse().unwrap();
            all.insert(name, value.parse().unwrap());
        }
        Status::from_header_map(&all).expect("an answer has a status")
    }
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("application/grpc-web-text")
}

/// Lines of `name: value`.
fn fields(lines: &str) -> BTreeMap<String, String> {
    lines
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

/// The content of the chunks that are whole.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        match bytes.get(end + 2..end + 2 + length) {
            Some(chunk) if length > 0 => content.extend_from_slice(chunk),
            _ => break,
        }
        bytes = bytes.get(end + 4 + length..).unwrap_or_default();
    }
    content
}

/// Base64 in pieces, each padded for itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    text.chunks_exact(4)
        .flat_map(|four| STANDARD.decode(four).unwrap())
        .collect()
}
