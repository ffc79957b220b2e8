//! Watchers that do not read while events flow: what they cost, and that each is cut off and can go on where it was.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use echelon_api::v1;
use prost::Message as _;
use tokio::time::{Instant, sleep, timeout};

use super::{calls, memory::mebibytes, turn, watch::watcher::Order};
use crate::{
    bench::{Bench, Serving},
    load::{self, Call, Connection, Shape, Stream, UNAVAILABLE, Until, frame},
    process::resident_bytes,
    report::{Bar, Report, Row, Spread, table::number},
    size::Size,
};

/// How many do not read.
const WATCHERS: usize = 20;
/// Characters of a comment that flows past.
const COMMENT_LENGTH: usize = 8_000;
/// Blockers that are commented on.
const BLOCKERS: u64 = 100;
/// What a client that has just connected can take: HTTP/2's own beginning.
const WINDOW: u32 = 65_535;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long a watcher may take to read what there is.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    // What the flood costs by itself is no cost of watchers.
    flood(bench, &serving).await?;
    let before = resident_bytes(serving.id)?;
    let mut idle = Vec::new();
    for _ in 0..WATCHERS {
        idle.push(open(&serving, String::new()).await?);
    }
    let newest = flood(bench, &serving).await?;
    let mut most = resident_bytes(serving.id)?;
    let patience = Instant::now() + bench.extent.flood_patience;
    while Instant::now() < patience {
        sleep(LOOK).await;
        most = most.max(resident_bytes(serving.id)?);
    }
    // At smoke size there is no time to wait for the server's patience to end.
    let must_be_cut = bench.size != Size::Smoke;
    let (address, parent) = (serving.address, serving.dataset.name());
    let (mut cut, mut reset) = (0, 0);
    let mut behind = 0;
    for (stream, order) in idle {
        let (last, end) = drain(stream, order, newest).await?;
        ensure!(
            end != End::Newest || !must_be_cut,
            "a watcher that did not read was not cut off"
        );
        cut += usize::from(end == End::Unavailable);
        reset += usize::from(end == End::Reset);
        // Who has read the newest is not behind.
        behind += (newest - last.revision()).max(0);
        resume(address, &parent, last, newest).await?;
    }
    let grown = mebibytes(most) - mebibytes(before);
    report.add(Row {
        measure: "slow-watcher",
        database: bench.kind,
        what: format!("growth by {WATCHERS} that do not read"),
        unit: "MiB",
        figure: Spread::of([grown]),
        bar: Bar::None,
        cpu_us: None,
        details: format!(
            "{} MB of events flowed; {cut} cut off with UNAVAILABLE and {reset} by a reset, {} revisions behind in all, all resumed",
            number(bench.extent.flood_bytes as f64 / 1e6),
            number(behind as f64),
        ),
    });
    Ok(())
}

/// Comments until enough bytes have flowed, and returns the newest revision.
async fn flood(bench: &mut Bench, serving: &Serving) -> Result<i64> {
    let count = bench.extent.flood_bytes / COMMENT_LENGTH as u64;
    let first = bench.calls(count);
    let (parent, run) = (serving.dataset.name(), bench.run.clone());
    let text = "The log says nothing new. ".repeat(COMMENT_LENGTH / 26);
    let newest = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let call = Call {
        path: calls::COMMENT,
        make: Arc::new(move |number| {
            frame(&v1::CommentOnBlockerRequest {
                name: format!("{parent}/blockers/B-{}", number % BLOCKERS + 1),
                text: text.clone(),
                request_id: format!("{run}-{number}"),
            })
        }),
        check: Arc::new({
            let newest = newest.clone();
            move |_, reply: &Bytes| {
                let reply = v1::CommentOnBlockerResponse::decode(reply.clone())?;
                newest.fetch_max(reply.revision, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            }
        }),
        check_every: 1,
        first,
    };
    turn(
        serving.address,
        &serving.processes,
        Shape::MANY,
        Until::Calls(count),
        call,
    )
    .await?;
    Ok(newest.load(std::sync::atomic::Ordering::Relaxed))
}

/// A watch on a connection of its own, after its first message.
async fn open(serving: &Serving, token: String) -> Result<(Stream, Order)> {
    let connection = Connection::with_windows(serving.address, WINDOW, WINDOW).await?;
    let request = v1::WatchEventsRequest {
        parent: serving.dataset.name(),
        resume_token: token,
        ..v1::WatchEventsRequest::default()
    };
    let mut stream = connection.stream(calls::WATCH_EVENTS, &request).await?;
    let first = stream.next().await?.context("a watch ended at once")?;
    Ok((stream, Order::begin(&first)?))
}

/// How the reading of a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The newest revision was read.
    Newest,
    /// The server has cut it off, and says so.
    Unavailable,
    /// That has waited for its reader for ten seconds too: the stream is reset, and no status comes.
    Reset,
}

/// Reads what waits for a watcher, and tells whether it was cut off.
async fn drain(mut stream: Stream, mut order: Order, newest: i64) -> Result<(Order, End)> {
    while order.revision() < newest {
        match timeout(PATIENCE, stream.next()).await {
            Ok(Ok(Some(message))) => {
                order.follow(&message)?;
            }
            Ok(Ok(None)) => bail!("a watch ended with OK"),
            Ok(Err(failure)) if failure.code == Some(UNAVAILABLE) => {
                return Ok((order, End::Unavailable));
            }
            Ok(Err(failure)) if failure.is_reset => return Ok((order, End::Reset)),
            Ok(Err(failure)) => bail!("a watch ended with {failure}"),
            Err(_) => bail!("a watch hangs at revision {}", order.revision()),
        }
    }
    Ok((order, End::Newest))
}

/// Goes on where a watcher was, up to the newest revision, without a gap.
async fn resume(address: SocketAddr, parent: &str, order: Order, newest: i64) -> Result<()> {
    if order.revision() >= newest {
        return Ok(());
    }
    let parent = parent.to_owned();
    load::apart(move || async move {
        let connection = Connection::open(address).await?;
        let request = v1::WatchEventsRequest {
            parent,
            resume_token: order.token.clone(),
            ..v1::WatchEventsRequest::default()
        };
        let stream = connection.stream(calls::WATCH_EVENTS, &request).await?;
        let (_, end) = drain(stream, order, newest).await?;
        ensure!(end == End::Newest, "a watcher that reads was cut off");
        Ok(())
    })
    .await
}
