//! The benchmark itself, at a size that takes seconds: every measure runs, and what it measured was right. Times are not
//! looked at.

use std::{env, path::PathBuf};

use echelon_bench::{
    bench::{self, Plan},
    database::Kind,
    measure::Measure,
    process::Programs,
    report::Verdict,
    size::Size,
};
use echelon_testkit::{TestDatabase, echelond, on_both};

on_both!(every_measure_runs_and_finds_nothing_wrong);

async fn every_measure_runs_and_finds_nothing_wrong(database: TestDatabase) {
    let kind = match database.kind() {
        echelon_store::DatabaseKind::Sqlite => Kind::Sqlite,
        echelon_store::DatabaseKind::Postgres => Kind::Postgres,
    };
    // The benchmark makes its own databases.
    drop(database);
    let report = bench::run(Plan {
        programs: Programs {
            echelond: echelond().to_owned(),
            bench: PathBuf::from(env!("CARGO_BIN_EXE_echelon-bench")),
        },
        size: Size::Smoke,
        kinds: vec![kind],
        measures: Measure::ALL.to_vec(),
        postgres: env::var("ECHELON_TEST_POSTGRES").ok(),
        folder: env::temp_dir(),
    })
    .await
    .expect("the benchmark runs");
    let failed: Vec<_> = report
        .rows
        .iter()
        .filter(|judged| judged.verdict == Verdict::Failed)
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for measure in Measure::ALL {
        let name = measure.as_str();
        let measured = report.rows.iter().any(|judged| judged.row.measure == name);
        assert!(measured, "{name} has no row");
    }
}
