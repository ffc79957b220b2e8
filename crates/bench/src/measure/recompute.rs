//! The root's roll-up beside the best SQL that has no counters.

use anyhow::Result;

use super::{calls, turn};
use crate::{
    bench::Bench,
    dataset::Place,
    limits::recompute::Recompute,
    load::Shape,
    report::{Bar, Report, Row, Spread, table::number},
    size::Size,
};

/// How often it is computed in a round.
const TIMES: usize = 5;

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let mut recompute = Recompute::open(bench.kind, &serving.url, &serving.dataset).await?;
    let times = if bench.size == Size::Smoke { 1 } else { TIMES };
    let mut rounds = Vec::new();
    let mut cpu = Vec::new();
    for _ in 0..bench.extent.rounds {
        let limit = recompute.times(times).await?.percentile_ms(50.0);
        let call = calls::rollup(&serving.dataset, Place::root());
        let judged = turn(
            serving.address,
            &serving.processes,
            Shape::SINGLE,
            bench.extent.turn(),
            call,
        )
        .await?;
        cpu.push(judged.cpu_us);
        rounds.push((limit, judged.p50_ms()));
    }
    report.add(Row {
        measure: "recompute",
        database: bench.kind,
        what: "root: recompute / GetRollup".to_owned(),
        unit: "×",
        figure: Spread::of(rounds.iter().map(|(limit, judged)| limit / judged)),
        bar: Bar::AtLeast(100.0),
        cpu_us: Some(Spread::of(cpu).median),
        details: format!(
            "{} ms {}, GetRollup {} ms, p50 of one at a time",
            number(Spread::of(rounds.iter().map(|round| round.0)).median),
            recompute.form(),
            number(Spread::of(rounds.iter().map(|round| round.1)).median),
        ),
    });
    Ok(())
}
