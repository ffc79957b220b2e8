//! Mutated frames after a good preface: whatever comes, the connection ends or goes on, and others are served.

use echelon_fuzz::Target;
use tokio::runtime::Runtime;

use super::{peer::Peer, scene::Scene};

const FRAMES: Target = Target {
    name: "frames",
    words: &[
        "\0\0\0\u{4}\0\0\0\0\0",
        "\0\0\u{8}\u{6}\0\0\0\0\0abcdefgh",
        "\0\0\u{4}\u{3}\0\0\0\0\u{1}\0\0\0\u{8}",
        "\0\0\u{4}\u{8}\0\0\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}",
        "\0\0\0\u{9}\u{4}\0\0\0\u{1}",
        "\0\0\u{1}\u{1}\u{5}\0\0\0\u{3}\u{7f}",
        "\0\0\0\0\u{1}\0\0\0\u{1}",
        ":path",
        "grpc-timeout",
        "content-length",
    ],
    most_bytes: 64 * 1024,
};
/// How long the server is listened to after each input: long enough to see what it makes of it.
const LISTENING: std::time::Duration = std::time::Duration::from_millis(3);

#[test]
fn fuzz_frames_end_no_more_than_their_connection() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let scene = runtime.block_on(Scene::begin(&[]));
    FRAMES.fuzz(|input| {
        runtime.block_on(async {
            let mut peer = Peer::connect(scene.address()).await;
            peer.send(input).await;
            let is_closed = peer.is_closed_within(LISTENING).await;
            format!("{is_closed} {:?}", peer.kinds())
        })
    });
    runtime.block_on(scene.end(64 << 20));
}
