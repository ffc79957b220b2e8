//! A morning: every meeting opens, the teams' close, then those of each level above after its children, under a policy
//! that sends everything up. At the end the root holds all of it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use echelon_api::v1::{self, blocker_fate::Kind as Fate};
use prost::Message as _;

use super::{calls, raise};
use crate::{
    bench::{Bench, Serving},
    database::Kind,
    dataset::{Dataset, Place, Scenario, Tier},
    load::{self, Call, Latencies, Outcome, Shape, Until, frame},
    report::{Bar, Report, Row, Spread, table::number},
};

const SHAPE: Shape = Shape {
    connections: 8,
    in_flight: 4,
};

/// Resource names of the meetings, by the place of their node in [`places`].
type Meetings = Arc<Mutex<Vec<String>>>;

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let dataset = bench.dataset(Scenario::Morning, bench.extent.teams);
    let backlog = bench.backlog().await?;
    backlog.stop().await?;
    let url = backlog.database.url().to_owned();
    bench.import(&dataset, &url).await?;
    let serving = Serving {
        dataset,
        ..bench.serving().await?
    };
    // The first call loads the organization, which is no part of the morning.
    let before = raise::root(&serving).await?;
    let all = i64::try_from(dataset.open())?;
    ensure!(
        before.open == all,
        "the morning begins with {} blockers",
        before.open
    );

    let places: Vec<Place> = Tier::ALL
        .into_iter()
        .flat_map(|tier| dataset.tree.places(tier))
        .collect();
    let meetings: Meetings = Arc::new(Mutex::new(vec![String::new(); places.len()]));
    let at_work = serving.processes.at_work();
    let started = Instant::now();
    let opening = opening(bench, &dataset, &places, &meetings);
    let count = places.len() as u64;
    load::run(serving.address, SHAPE, Until::Calls(count), opening).await?;
    let opened_in = started.elapsed();
    let mut closes = Latencies::default();
    let mut levels = Vec::new();
    let mut first = 0;
    for tier in Tier::ALL {
        let count = dataset.tree.count(tier);
        let expected = dataset.open() / count;
        let call = closing(bench, &meetings, first, expected);
        let until = Until::Calls(count as u64);
        let Outcome {
            latencies, elapsed, ..
        } = load::run(serving.address, SHAPE, until, call).await?;
        levels.push(format!("{} {:.1} s", tier.label(), elapsed.as_secs_f64()));
        if matches!(tier, Tier::Team | Tier::Scrum) {
            closes.append(latencies);
        }
        first += count;
    }
    let took = started.elapsed();
    let worked = serving.processes.at_work().saturating_sub(at_work);
    closes.sort();
    verify(&serving).await?;
    tell(
        bench,
        report,
        took,
        opened_in,
        worked,
        count,
        &levels.join(", "),
    );
    report.add(Row {
        measure: "morning",
        database: bench.kind,
        what: "p99 of a close, two lowest levels".to_owned(),
        unit: "ms",
        figure: Spread::of([closes.percentile_ms(99.0)]),
        bar: Bar::AtMost(100.0),
        cpu_us: None,
        details: format!("p50 {} ms", number(closes.percentile_ms(50.0))),
    });
    Ok(())
}

fn tell(
    bench: &Bench,
    report: &mut Report,
    took: Duration,
    opened_in: Duration,
    worked: Duration,
    meetings: u64,
    levels: &str,
) {
    report.add(Row {
        measure: "morning",
        database: bench.kind,
        what: "all meetings, opening included".to_owned(),
        unit: "s",
        figure: Spread::of([took.as_secs_f64()]),
        bar: Bar::AtMost(match bench.kind {
            Kind::Sqlite => 30.0,
            Kind::Postgres => 60.0,
        }),
        cpu_us: Some(worked.as_secs_f64() * 1e6 / meetings as f64),
        details: format!(
            "{} meetings: opening {:.1} s, {levels}; everything held by the root",
            number(meetings as f64),
            opened_in.as_secs_f64()
        ),
    });
}

fn opening(bench: &Bench, dataset: &Dataset, places: &[Place], meetings: &Meetings) -> Call {
    let nodes: Vec<String> = places.iter().map(|place| dataset.node(*place)).collect();
    let (run, meetings) = (bench.run.clone(), meetings.clone());
    Call {
        path: calls::OPEN_MEETING,
        make: Arc::new(move |number| {
            frame(&v1::OpenMeetingRequest {
                node: index(number)
                    .and_then(|at| nodes.get(at).cloned())
                    .unwrap_or_default(),
                title: String::new(),
                request_id: format!("{run}-open-{number}"),
            })
        }),
        check: Arc::new(move |number, reply: &Bytes| {
            let reply = v1::OpenMeetingResponse::decode(reply.clone())?;
            let meeting = reply.meeting.context("an open meeting has no name")?;
            let mut meetings = meetings.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = index(number).and_then(|at| meetings.get_mut(at));
            *slot.context("a meeting of no node was opened")? = meeting.name;
            Ok(())
        }),
        check_every: 1,
        first: 0,
    }
}

/// Closes meetings from the place `first` on, each of which must decide the fate of so many blockers.
fn closing(bench: &Bench, meetings: &Meetings, first: usize, expected: usize) -> Call {
    let (run, meetings) = (bench.run.clone(), meetings.clone());
    Call {
        path: calls::CLOSE_MEETING,
        make: Arc::new(move |number| {
            let meetings = meetings.lock().unwrap_or_else(PoisonError::into_inner);
            frame(&v1::CloseMeetingRequest {
                name: index(number)
                    .and_then(|at| meetings.get(at).cloned())
                    .unwrap_or_default(),
                request_id: format!("{run}-close-{number}"),
            })
        }),
        check: Arc::new(move |_, reply: &Bytes| {
            let meeting = CloseMark::decode(reply.clone())?
                .meeting
                .unwrap_or_default();
            // A reply has the first thousand fates, and how many there are.
            let decided = meeting
                .fates
                .len()
                .max(usize::try_from(meeting.fate_count)?);
            ensure!(
                decided == expected,
                "the meeting decided on {decided} blockers, not {expected}"
            );
            let up = [i32::from(Fate::Escalated), i32::from(Fate::Exhausted)];
            let lost = meeting.fates.iter().find(|fate| !up.contains(&fate.kind));
            ensure!(lost.is_none(), "not sent up: {lost:?}");
            Ok(())
        }),
        check_every: 1,
        first: first as u64,
    }
}

/// What of a `CloseMeetingResponse` tells what became of the blockers: reading all of a thousand fates would measure
/// this side.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct CloseMark {
    #[prost(message, optional, tag = "1")]
    meeting: Option<MeetingMark>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct MeetingMark {
    #[prost(message, repeated, tag = "8")]
    fates: Vec<FateMark>,
    #[prost(int64, tag = "9")]
    fate_count: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct FateMark {
    #[prost(int32, tag = "3")]
    kind: i32,
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

/// The root holds every blocker, exhausted, and none is lost.
async fn verify(serving: &Serving) -> Result<()> {
    let figures = raise::root(serving).await?;
    let all = i64::try_from(serving.dataset.open())?;
    let at_root = [
        figures.raised_total,
        figures.open,
        figures.held_here,
        figures.exhausted,
        figures.escalated_in,
    ];
    ensure!(
        at_root == [all; 5],
        "of {all} blockers the root counts raised, open, held, exhausted, come up: {at_root:?}"
    );
    Ok(())
}
