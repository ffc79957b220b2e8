//! Reads and writes at the full size, a tenth and a hundredth of it, on three servers in turn.

use anyhow::Result;

use super::{Turn, calls, raise, turn};
use crate::{
    bench::{Bench, Loaded, Serving},
    dataset::{Place, Scenario},
    load::Shape,
    report::{Bar, Report, Row, Spread, table::number},
};

/// Smaller organizations than this are none.
const TEAMS_MIN: usize = 10;

/// What was measured at one size.
struct Scale {
    serving: Serving,
    rollups: Vec<Turn>,
    many: Vec<Turn>,
    single: Vec<Turn>,
}

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let full = bench.extent.teams;
    let mut smaller: Vec<Loaded> = Vec::new();
    let mut scales = vec![Scale::new(bench.serving().await?)];
    for share in [10, 100] {
        if full / share >= TEAMS_MIN {
            let dataset = bench.dataset(Scenario::Backlog, full / share);
            let mut loaded = bench.load(dataset, &format!("growth_{share}")).await?;
            scales.push(Scale::new(bench.serve(&mut loaded).await?));
            smaller.push(loaded);
        }
    }
    for _ in 0..bench.extent.rounds {
        for scale in &mut scales {
            let Serving {
                dataset,
                address,
                processes,
                ..
            } = scale.serving.clone();
            let call = calls::rollup(&dataset, Place::root());
            let until = bench.extent.turn();
            let read = turn(address, &processes, Shape::MANY, until, call).await?;
            scale.rollups.push(read);
        }
        for scale in &mut scales {
            scale
                .many
                .push(raise::raise(bench, &scale.serving, Shape::MANY).await?);
        }
        for scale in &mut scales {
            scale
                .single
                .push(raise::raise(bench, &scale.serving, Shape::SINGLE).await?);
        }
    }
    for mut loaded in smaller {
        loaded.stop().await?;
    }
    tell(bench, report, &scales);
    Ok(())
}

impl Scale {
    const fn new(serving: Serving) -> Self {
        Self {
            serving,
            rollups: Vec::new(),
            many: Vec::new(),
            single: Vec::new(),
        }
    }
}

/// A measure of both sizes: its turns, and what of them costs.
type Compared = (
    &'static str,
    fn(&Scale) -> &Vec<Turn>,
    fn(&Turn) -> f64,
    &'static str,
);

fn tell(bench: &Bench, report: &mut Report, scales: &[Scale]) {
    let compared: [Compared; 3] = [
        ("rollup of the root", |scale| &scale.rollups, cost, "/s"),
        ("raise-64", |scale| &scale.many, cost, "/s"),
        ("raise-1 p50", |scale| &scale.single, Turn::p50_ms, "ms"),
    ];
    let Some((full, smaller)) = scales.split_first() else {
        return;
    };
    for small in smaller {
        let share = full.serving.dataset.tree.teams / small.serving.dataset.tree.teams;
        for (name, turns, cost, unit) in compared {
            let told = |scale: &Scale| {
                let median = raise::median(turns(scale), cost);
                number(if unit == "ms" { median } else { 1.0 / median })
            };
            let pairs = turns(full).iter().zip(turns(small));
            report.add(Row {
                measure: "growth",
                database: bench.kind,
                what: format!("{name}: cost / that at 1/{share}"),
                unit: "×",
                figure: Spread::of(pairs.map(|(full, small)| cost(full) / cost(small))),
                bar: Bar::AtMost(1.3),
                cpu_us: Some(raise::median(turns(full), |turn| turn.cpu_us)),
                details: format!(
                    "{} {unit}, {} {unit} at 1/{share} with {} µs CPU",
                    told(full),
                    told(small),
                    number(raise::median(turns(small), |turn| turn.cpu_us)),
                ),
            });
        }
    }
}

/// Seconds of a call, many at once.
fn cost(turn: &Turn) -> f64 {
    1.0 / turn.rate()
}
