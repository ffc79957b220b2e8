//! Peers that keep to no protocol, on the raw socket of a real process: endless headers, floods, rapid resets, connections
//! that are opened and left, senders and readers that dawdle. The server answers others meanwhile; its memory and its open
//! connections stay bounded; nothing panics.

mod frames;
mod fuzz;
mod peer;
mod scene;

use std::time::Duration;

use self::{
    frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS},
    frames::{frame, head},
    peer::{End, Peer},
    scene::Scene,
};

const MIB: usize = 1 << 20;
/// More files that a server may have open for a moment: pages of metrics that were read, sockets that it is about to close.
const PASSING: usize = 20;
const NODE: &str = "/echelon.v1.NodeService/GetNode";
const WATCH: &str = "/echelon.v1.EventService/WatchEvents";

/// A field that fills a frame, for headers that do not end.
fn long_field(index: usize) -> Vec<u8> {
    frames::field(&format!("x-{index}"), &"a".repeat(16_000))
}

#[tokio::test]
async fn headers_that_do_not_end_are_cut_off() {
    let scene = Scene::begin(&[]).await;
    let mut peer = Peer::connect(scene.address()).await;
    peer.send(&frame(HEADERS, 0, 1, &head("POST", NODE))).await;
    let end = peer
        .flood(64 * MIB, |index| {
            frame(CONTINUATION, 0, 1, &long_field(index))
        })
        .await;
    assert_eq!(end, End::Closed, "64 MiB of one call's headers were taken");
    scene.end(32 * MIB).await;
}

#[tokio::test]
async fn continuations_without_anything_in_them_are_cut_off() {
    let scene = Scene::begin(&[]).await;
    let mut peer = Peer::connect(scene.address()).await;
    peer.send(&frame(HEADERS, 0, 1, &head("POST", NODE))).await;
    let end = peer
        .flood(16 * MIB, |_| frame(CONTINUATION, 0, 1, &[]))
        .await;
    assert_eq!(end, End::Closed);
    scene.end(32 * MIB).await;
}

#[tokio::test]
async fn calls_that_are_reset_at_once_are_cut_off() {
    let scene = Scene::begin(&[]).await;
    for _ in 0..20 {
        let mut peer = Peer::connect(scene.address()).await;
        let end = peer
            .flood(8 * MIB, |index| {
                let stream = u32::try_from(index).unwrap_or(u32::MAX / 4) * 2 + 1;
                let call = frame(HEADERS, END_HEADERS, stream, &head("POST", NODE));
                [call, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
            })
            .await;
        assert_eq!(end, End::Closed, "it took 8 MiB of calls and their resets");
    }
    scene.end(48 * MIB).await;
}

#[tokio::test]
async fn settings_and_pings_without_end_fill_no_memory() {
    let scene = Scene::begin(&[]).await;
    // Each wants an acknowledgement, which the peer does not read.
    for flood in [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[7; 8])] {
        let many = flood.repeat(1000);
        let mut peer = Peer::connect(scene.address()).await;
        peer.flood(64 * MIB, |_| many.clone()).await;
    }
    scene.end(32 * MIB).await;
}

#[tokio::test]
async fn connections_that_say_nothing_are_limited_and_end() {
    let scene = Scene::begin(&["--set", "max_client_connections=200"]).await;
    let open = scene.open_files();
    let mut peers = Vec::new();
    for _ in 0..400 {
        peers.push(Peer::silent(scene.address()).await);
    }
    // Somebody else has one of the 200.
    scene.until("echelon_refused_connections_total", 201).await;
    assert!(scene.open_files() <= open + 200 + PASSING);
    // Who has said nothing for ten seconds is gone: the last of those that were let in, too.
    for peer in &mut peers {
        assert!(peer.is_closed_within(Duration::from_secs(30)).await);
    }
    scene.end(32 * MIB).await;
}

#[tokio::test]
async fn senders_that_dawdle_meet_the_deadline() {
    let scene = Scene::begin(&["--set", "request_timeout=1s"]).await;
    let mut peers = Vec::new();
    for _ in 0..50 {
        let mut peer = Peer::connect(scene.address()).await;
        for stream in (1..40).step_by(2) {
            // A call whose answer streams has no deadline: its message has.
            let method = if stream % 4 == 1 { NODE } else { WATCH };
            peer.send(&frame(HEADERS, END_HEADERS, stream, &head("POST", method)))
                .await;
            // It announces a kilobyte, and sends three bytes of it.
            peer.send(&frame(DATA, 0, stream, &[0, 0, 0, 4, 0, 1, 2, 3]))
                .await;
        }
        peers.push(peer);
    }
    for peer in &mut peers {
        let ended = peer.count_ended_streams(20).await;
        assert_eq!(ended, 20, "calls that are never finished go on");
    }
    scene.end(64 * MIB).await;
}

#[tokio::test]
async fn lengths_that_lie_take_no_memory() {
    let scene = Scene::begin(&["--set", "request_timeout=1s"]).await;
    let mut peer = Peer::connect(scene.address()).await;
    for stream in (1..400).step_by(2) {
        peer.send(&frame(HEADERS, END_HEADERS, stream, &head("POST", NODE)))
            .await;
        let length = if stream % 4 == 1 { u32::MAX } else { 4_194_303 };
        let prefix = [&[0], &length.to_be_bytes()[..]].concat();
        peer.send(&frame(DATA, 0, stream, &prefix)).await;
    }
    assert_eq!(peer.count_ended_streams(200).await, 200);
    scene.end(64 * MIB).await;
}

#[tokio::test]
async fn readers_that_never_read_fill_no_memory() {
    let scene = Scene::begin(&[]).await;
    scene.fill(300).await;
    let mut peer = Peer::connect(scene.address()).await;
    // A window of nothing: no answer can be sent.
    peer.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])).await;
    let list = Scene::list_request();
    for stream in (1..1000).step_by(2) {
        let path = "/echelon.v1.EventService/ListEvents";
        peer.send(&frame(HEADERS, END_HEADERS, stream, &head("POST", path)))
            .await;
        peer.send(&frame(DATA, END_STREAM, stream, &list)).await;
    }
    assert!(scene.growth_until_still(Duration::from_secs(2)).await < 400 * MIB);
    // What waits for readers is limited to 256 MiB, and let go of after a while.
    scene.until_smaller(64 * MIB).await;
    scene.end(64 * MIB).await;
}
