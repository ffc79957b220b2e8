//! What comes over the wire and is no call: bytes that are no message, frames that are no gRPC, and no HTTP at all.
//! Whoever sends it, the others are served.

use echelon_api::v1;
use echelon_testkit::{TestDatabase, on_both};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Bytes, Service as _, http},
};

use super::{
    cases::Cases,
    services,
    wanted::{field, malformed, no_method, too_large},
    world::World,
};
use crate::support::soon;

on_both!(
    bytes_that_are_no_message_to_any_method,
    a_text_of_five_megabytes_to_any_method,
    a_field_that_is_no_text_is_named,
    frames_that_are_no_grpc,
    methods_that_there_are_not,
    headers_that_are_too_large,
    bytes_that_are_no_http,
);

const RAISE: &str = "/echelon.v1.BlockerService/RaiseBlocker";
const FIVE_MEGABYTES: usize = 5_000_000;

async fn bytes_that_are_no_message_to_any_method(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    for path in paths() {
        for bytes in [
            // A text, or a message, that is invalid; and of the wrong type for a number.
            &b"\x0a\x02\xff\xfe"[..],
            // Cut off within a field.
            b"\x0a\x20organizations/ac",
            // A tag that does not end, a field 0, a group that does not end.
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x00\x01",
            b"\x0b",
        ] {
            let result = call(&world, &path, frame(bytes)).await;
            cases.judge(&path, &format!("{bytes:?}"), result, &malformed());
        }
    }
    world.assert_unharmed().await;
}

async fn a_text_of_five_megabytes_to_any_method(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    let text = "a".repeat(FIVE_MEGABYTES);
    let message = v1::GetNodeRequest {
        name: text.clone(),
        ..Default::default()
    };
    let bytes = frame(&prost::Message::encode_to_vec(&message));
    for path in paths() {
        let result = call(&world, &path, bytes.clone()).await;
        cases.judge(&path, "five megabytes", result, &too_large());
    }
    // And through a client as generated.
    let blocker = v1::Blocker {
        origin: world.acme.node("team-1"),
        title: "Too much to say".to_owned(),
        description: text,
        ..Default::default()
    };
    let raise = v1::RaiseBlockerRequest {
        parent: world.acme.name(),
        blocker: Some(blocker),
        ..Default::default()
    };
    let result = world.acme.call(raise).await;
    cases.judge(
        "RaiseBlocker",
        "five megabytes",
        result,
        &too_large().saying("4194304"),
    );
    world.assert_unharmed().await;
}

async fn a_field_that_is_no_text_is_named(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    // RaiseBlockerRequest.blocker.title, as Latin-1.
    let title = b"\x12\x08\x22\x06caf\xe9 x";
    let result = call(&world, RAISE, frame(title)).await;
    cases.judge(
        "RaiseBlocker",
        "Latin-1",
        result,
        &field("blocker.title").saying("UTF-8"),
    );
    world.assert_unharmed().await;
}

async fn frames_that_are_no_grpc(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    let good = frame(b"");
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("half a prefix", vec![0, 0, 0]),
        ("a prefix and no message", vec![0, 0, 0, 0, 9]),
        (
            "less than the prefix says",
            [&[0, 0, 0, 3, 232][..], b"0123456789"].concat(),
        ),
        ("compressed by nothing", vec![1, 0, 0, 0, 0]),
        ("a flag that there is not", vec![7, 0, 0, 0, 0]),
        ("text", b"POST / HTTP/1.1\r\n\r\n".to_vec()),
    ] {
        let result = call(&world, RAISE, bytes).await;
        cases.judge("RaiseBlocker", what, result, &malformed());
    }
    let endless = vec![0, 0xff, 0xff, 0xff, 0xff];
    let result = call(&world, RAISE, endless).await;
    cases.judge(
        "RaiseBlocker",
        "four gigabytes announced",
        result,
        &too_large(),
    );
    let twice = [good.clone(), good].concat();
    let result = call(&world, RAISE, twice).await;
    assert!(result.is_err(), "two messages in one call");
    world.assert_unharmed().await;
}

async fn methods_that_there_are_not(database: TestDatabase) {
    let world = World::new(database).await;
    let mut cases = Cases::new(&world);
    for path in [
        "/echelon.v1.BlockerService/Nonsense",
        "/echelon.v1.BlockerService/",
        "/echelon.v1.BlockerService",
        "/echelon.v1.NonsenseService/RaiseBlocker",
        "/echelon.v1.BlockerService/RaiseBlocker/x",
        "/",
        "/%ff",
    ] {
        let result = call(&world, path, frame(b"")).await;
        cases.judge(path, path, result, &no_method());
    }
    world.assert_unharmed().await;
}

/// Too large for HTTP: the stream or the connection ends, and no other.
async fn headers_that_are_too_large(database: TestDatabase) {
    let world = World::new(database).await;
    for bytes in [20_000, 200_000, 2_000_000] {
        let mut request = request(RAISE, frame(b""));
        let value = "a".repeat(bytes).parse().unwrap();
        request.headers_mut().insert("echelon-actor", value);
        if let Ok(answer) = send(&world, request).await {
            assert!(answer.status().is_client_error(), "{:?}", answer.status());
        }
        world.acme.revision().await;
    }
    // An actor that HTTP permits and this API does not.
    let mut request = request(RAISE, frame(b""));
    let long = "a".repeat(201).parse().unwrap();
    request.headers_mut().insert("echelon-actor", long);
    let answer = send(&world, request).await.expect("it is answered");
    let status = status(answer).await;
    let mut cases = Cases::new(&world);
    cases.judge(
        "RaiseBlocker",
        "an actor",
        Err::<(), _>(status),
        &field("metadata.echelon-actor"),
    );
    world.assert_unharmed().await;
}

async fn bytes_that_are_no_http(database: TestDatabase) {
    let world = World::new(database).await;
    let mut held = Vec::new();
    for bytes in [
        &b""[..],
        b"\0",
        b"\xff\xfe\xfd nonsense \r\n\r\n",
        // A client that speaks TLS.
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /\r\n",
        b"POST /echelon.v1.NodeService/GetNode HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        // The preface of HTTP/2, and then a frame that is too large, one of no type, and nonsense.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x00\x00\x00\x00\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\xff\xff\xff\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense",
        // Begun and left.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /echelon.v1.NodeService/GetNode HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc",
    ] {
        let mut stream = TcpStream::connect(world.server.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        // Others are served while it waits.
        world.acme.revision().await;
        held.push(stream);
    }
    for mut stream in held {
        // The server may have closed it already.
        let closed = stream.shutdown().await;
        if closed.is_ok() {
            let mut answer = Vec::new();
            let read = soon(stream.read_to_end(&mut answer)).await;
            assert!(
                read.is_err() || answer.len() < 10_000,
                "a long answer to nonsense"
            );
        }
    }
    world.assert_unharmed().await;
}

/// The path of every method.
pub(super) fn paths() -> Vec<String> {
    services()
        .iter()
        .flat_map(|(service, methods)| {
            methods
                .iter()
                .map(move |method| format!("/echelon.v1.{service}/{method}"))
        })
        .collect()
}

/// Bytes in a frame, as gRPC sends a message.
pub(super) fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], bytes].concat()
}

fn request(path: &str, body: Vec<u8>) -> http::Request<Body> {
    http::Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::new(Bytes::from(body))))
        .unwrap()
}

async fn send(
    world: &World,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, tonic::transport::Error> {
    let mut channel = world.server.channel();
    soon(async {
        std::future::poll_fn(|context| channel.poll_ready(context)).await?;
        channel.call(request).await
    })
    .await
}

/// The status that an answer ends with.
async fn status(answer: http::Response<Body>) -> Status {
    let (head, body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return status;
    }
    let body = soon(body.collect()).await.expect("the answer is whole");
    let trailers = body.trailers().expect("a gRPC answer has a status");
    Status::from_header_map(trailers).expect("a gRPC answer has a status")
}

/// Posts a body to a path. Errors: the status, if it is not OK.
pub(super) async fn call(world: &World, path: &str, body: Vec<u8>) -> Result<(), Status> {
    let answer = send(world, request(path, body))
        .await
        .expect("every call is answered");
    match status(answer).await {
        status if status.code() == Code::Ok => Ok(()),
        status => Err(status),
    }
}
