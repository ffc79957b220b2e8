//! How soon a server is of use on the full database, and how much memory it then has.

use anyhow::Result;

use super::{calls, lists, raise, turn};
use crate::{
    bench::Bench,
    dataset::{Place, Tier},
    load::{Shape, Until},
    process::resident_bytes,
    report::{Bar, Report, Row, Spread, table::number},
};

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let (mut starts, mut ready, mut fresh, mut resident) = (vec![], vec![], vec![], vec![]);
    for _ in 0..bench.extent.rounds {
        let programs = bench.programs.clone();
        let daemon = bench.backlog().await?.restart(&programs).await?;
        ready.push(daemon.ready_after.as_secs_f64());
        // Readiness is worth little if the first answer takes long.
        let serving = bench.serving().await?;
        raise::root(&serving).await?;
        starts.push(bench.backlog().await?.age().as_secs_f64());
        fresh.push(mebibytes(resident_bytes(serving.id)?));
        let dataset = serving.dataset;
        let root = dataset.node(Place::root());
        let train = Place {
            tier: Tier::Train,
            index: 0,
        };
        for call in [
            calls::rollup(&dataset, Place::root()),
            calls::rollup(&dataset, train),
            calls::rollup(&dataset, Place::team(0)),
            lists::blockers(dataset.name()),
            lists::agenda(root.clone()),
            lists::attention(root),
        ] {
            let until = Until::Calls(bench.extent.reads);
            turn(
                serving.address,
                &serving.processes,
                Shape::MANY,
                until,
                call,
            )
            .await?;
        }
        resident.push(mebibytes(resident_bytes(serving.id)?));
    }
    report.add(Row {
        measure: "memory",
        database: bench.kind,
        what: "start to the first roll-up".to_owned(),
        unit: "s",
        figure: Spread::of(starts),
        bar: Bar::AtMost(2.0),
        cpu_us: None,
        details: format!("/readyz after {} s", number(Spread::of(ready).median)),
    });
    report.add(Row {
        measure: "memory",
        database: bench.kind,
        what: "resident after reads".to_owned(),
        unit: "MiB",
        figure: Spread::of(resident),
        bar: Bar::AtMost(150.0),
        cpu_us: None,
        details: format!(
            "{} MiB after the first roll-up",
            number(Spread::of(fresh).median)
        ),
    });
    Ok(())
}

pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}
