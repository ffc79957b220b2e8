//! Import and export of the whole organization.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use echelon_api::v1::{StreamRecord, stream_record::Record};
use prost::Message as _;

use crate::{
    bench::Bench,
    database::{Database, Kind},
    import,
    report::{Bar, Report, Row, Spread, table::number},
    size::Size,
};

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let (programs, folder) = (bench.programs.clone(), bench.folder.clone());
    let backlog = bench.backlog().await?;
    // No server may use the file.
    backlog.stop().await?;
    let blockers = backlog.dataset.blockers() as f64;
    let (imported_in, url) = (backlog.imported_in, backlog.database.url().to_owned());
    let row = |what: &str, rate: f64, bar: Bar, details: String| Row {
        measure: "import",
        database: bench.kind,
        what: what.to_owned(),
        unit: "blockers/s",
        figure: Spread::of([rate]),
        bar,
        cpu_us: None,
        details,
    };
    report.add(row(
        "import",
        blockers / imported_in.as_secs_f64(),
        Bar::AtLeast(match bench.kind {
            Kind::Sqlite => 50_000.0,
            Kind::Postgres => 25_000.0,
        }),
        format!(
            "{} blockers in {:.1} s",
            number(blockers),
            imported_in.as_secs_f64()
        ),
    ));
    let exported = folder.join(format!("exported.{}.stream", bench.kind.as_str()));
    let exported_in = import::export(&programs, &url, &exported).await?;
    report.add(row(
        "export",
        blockers / exported_in.as_secs_f64(),
        Bar::None,
        format!(
            "{} MB in {:.1} s",
            number(fs::metadata(&exported)?.len() as f64 / 1e6),
            exported_in.as_secs_f64()
        ),
    ));
    if bench.size == Size::Smoke {
        let copy = Database::create(&bench.place, "copy").await?;
        import::import(&programs, copy.url(), &exported).await?;
        let again = folder.join(format!("again.{}.stream", bench.kind.as_str()));
        import::export(&programs, copy.url(), &again).await?;
        ensure!(
            records(&exported)? == records(&again)?,
            "what was exported, imported and exported again is not the same"
        );
    }
    fs::remove_file(exported)?;
    Ok(())
}

/// The bytes of a stream but for when it was written.
fn records(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = fs::read(path)?;
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while !rest.is_empty() {
        let mut record = StreamRecord::decode_length_delimited(&mut rest)?;
        if let Some(Record::Header(header)) = &mut record.record {
            header.export_time = None;
        }
        records.push(record.encode_to_vec());
    }
    Ok(records)
}
