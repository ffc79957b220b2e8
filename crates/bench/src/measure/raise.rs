//! `RaiseBlocker`, one at a time and many at once, beside the bare call and the leanest SQL.

use std::sync::Arc;

use anyhow::{Result, ensure};
use echelon_api::v1;

use super::{
    Turn,
    calls::{self, GET_ROLLUP, request_length},
    rollup::reply_length,
    turn,
};
use crate::{
    bench::{Bench, Serving},
    database::Kind,
    dataset::Place,
    limits::raw::Raw,
    load::{Connection, Outcome, Shape, Until},
    report::{Bar, Report, Row, Spread, table::number},
};

/// More calls than one turn can make.
const TURN_CALLS: u64 = 10_000_000;

/// One call at a time.
pub(super) async fn one(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let (echo_address, echo_processes) = bench.echo().await?;
    let raw = Arc::new(Raw::create(&bench.place, "raw_1", serving.dataset.tree).await?);
    let counted = Counted::begin(&serving).await?;
    let first = bench.calls(TURN_CALLS);
    let sample = calls::raise(&serving.dataset, &bench.run, first);
    let reply = reply_length(&serving, &sample).await?;
    let mut answered = 1;
    let (mut echoes, mut raws, mut raises) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.extent.rounds {
        let echo = calls::echo(request_length(&sample), reply);
        let until = bench.extent.turn();
        echoes.push(turn(echo_address, &echo_processes, Shape::SINGLE, until, echo).await?);
        raws.push(raw_turn(bench, &raw, 1).await?);
        let raised = raise(bench, &serving, Shape::SINGLE).await?;
        answered += raised.outcome.answered;
        raises.push(raised);
    }
    counted.end(&serving, answered).await?;
    let limit = |round: usize| echoes[round].p50_ms() + raws[round].p50_ms();
    let rounds = raises.iter().enumerate();
    report.add(Row {
        measure: "raise-1",
        database: bench.kind,
        what: "p50 / (echo's + raw's)".to_owned(),
        unit: "×",
        figure: Spread::of(rounds.map(|(round, raised)| raised.p50_ms() / limit(round))),
        bar: Bar::AtMost(2.0),
        cpu_us: Some(Spread::of(raises.iter().map(|turn| turn.cpu_us)).median),
        details: format!(
            "{} ms, echo {} ms, raw {} ms",
            number(median(&raises, Turn::p50_ms)),
            number(median(&echoes, Turn::p50_ms)),
            number(median(&raws, Turn::p50_ms)),
        ),
    });
    Ok(())
}

/// Sixty-four calls at once.
pub(super) async fn many(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let raw = Arc::new(Raw::create(&bench.place, "raw_64", serving.dataset.tree).await?);
    let counted = Counted::begin(&serving).await?;
    let connections = Shape::MANY.connections * Shape::MANY.in_flight;
    let mut answered = 0;
    let (mut raws, mut raises) = (Vec::new(), Vec::new());
    for _ in 0..bench.extent.rounds {
        raws.push(raw_turn(bench, &raw, connections).await?);
        let raised = raise(bench, &serving, Shape::MANY).await?;
        answered += raised.outcome.answered;
        raises.push(raised);
    }
    counted.end(&serving, answered).await?;
    let row = |what: &str, unit: &'static str, figure: Spread, bar: Bar, details: String| Row {
        measure: "raise-64",
        database: bench.kind,
        what: what.to_owned(),
        unit,
        figure,
        bar,
        cpu_us: Some(Spread::of(raises.iter().map(|turn| turn.cpu_us)).median),
        details,
    };
    let pairs = raises.iter().zip(&raws);
    report.add(row(
        "rate / raw's",
        "×",
        Spread::of(pairs.map(|(raised, raw)| raised.rate() / raw.rate())),
        Bar::AtLeast(4.0),
        format!(
            "raw {}/s at {} µs, p99 {} ms",
            number(median(&raws, Turn::rate)),
            number(median(&raws, |turn| turn.cpu_us)),
            number(median(&raws, Turn::p99_ms)),
        ),
    ));
    report.add(row(
        "rate",
        "/s",
        Spread::of(raises.iter().map(Turn::rate)),
        Bar::AtLeast(6_000.0),
        format!("{} raised, all counted", number(answered as f64)),
    ));
    report.add(row(
        "p99",
        "ms",
        Spread::of(raises.iter().map(Turn::p99_ms)),
        match bench.kind {
            Kind::Sqlite => Bar::None,
            Kind::Postgres => Bar::AtMost(30.0),
        },
        format!("p50 {} ms", number(median(&raises, Turn::p50_ms))),
    ));
    Ok(())
}

pub(super) fn median(turns: &[Turn], figure: impl Fn(&Turn) -> f64) -> f64 {
    Spread::of(turns.iter().map(figure)).median
}

/// One turn of raising.
pub(super) async fn raise(bench: &mut Bench, serving: &Serving, shape: Shape) -> Result<Turn> {
    let first = bench.calls(TURN_CALLS);
    let call = calls::raise(&serving.dataset, &bench.run, first);
    turn(
        serving.address,
        &serving.processes,
        shape,
        bench.extent.turn(),
        call,
    )
    .await
}

async fn raw_turn(bench: &Bench, raw: &Arc<Raw>, connections: usize) -> Result<Turn> {
    let processes = bench.raw_processes();
    let before = processes.at_work();
    let Until::Elapsed { warm_up, window } = bench.extent.turn() else {
        unreachable!("a turn lasts for a time")
    };
    let outcome: Outcome = raw.run(&bench.place, connections, warm_up, window).await?;
    let worked = processes.at_work().saturating_sub(before);
    ensure!(!outcome.latencies.is_empty(), "no raw raise was in time");
    Ok(Turn {
        cpu_us: worked.as_secs_f64() * 1e6 / outcome.answered.max(1) as f64,
        outcome,
    })
}

/// The root's figures before, for the comparison with those after.
pub(super) struct Counted {
    open: i64,
    raised: i64,
}

impl Counted {
    pub(super) async fn begin(serving: &Serving) -> Result<Self> {
        let figures = root(serving).await?;
        Ok(Self {
            open: figures.open,
            raised: figures.raised_total,
        })
    }

    /// Asserts that exactly what was acknowledged has been counted.
    pub(super) async fn end(self, serving: &Serving, acknowledged: u64) -> Result<()> {
        let figures = root(serving).await?;
        let acknowledged = i64::try_from(acknowledged)?;
        let counted = [figures.raised_total - self.raised, figures.open - self.open];
        ensure!(
            counted == [acknowledged; 2],
            "{acknowledged} raises were acknowledged, and the root counts {counted:?} raised and open"
        );
        Ok(())
    }
}

/// The root's figures now.
pub(super) async fn root(serving: &Serving) -> Result<v1::RollupFigures> {
    let connection = Connection::open(serving.address).await?;
    let request = v1::GetRollupRequest {
        node: serving.dataset.node(Place::root()),
        min_revision: 0,
    };
    let reply: v1::GetRollupResponse = connection.unary(GET_ROLLUP, &request).await?;
    let figures = reply.rollup.unwrap_or_default().figures;
    calls::check_figures(figures.as_ref())?;
    Ok(figures.unwrap_or_default())
}
