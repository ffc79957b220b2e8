//! `echelond import`: brings the organizations of an event stream in.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use echelon_server::{
    config::Config,
    server,
    stream::{self, Imported},
};
use echelon_store::Bulk;

use super::progress::{Bar, thousands};

/// How much of the stream is read at once.
const BUFFER: usize = 1 << 20;

pub(crate) async fn import(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let source = open(file)?;
    let mut bulk = Bulk::open(&server::options(config)).await?;
    if config.migrate_at_start {
        bulk.migrate().await?;
    } else {
        bulk.check_schema().await?;
    }
    let bar = Bar::new();
    let mut revisions = 0;
    let imported = stream::import(&mut bulk, source, bar.follow(), |imported| {
        let Imported {
            organization,
            events,
            revision,
        } = imported;
        revisions += 1;
        bar.finish(&format!(
            "imported {organization}: {} events, revision {revision}",
            thousands(*events)
        ));
    })
    .await;
    bar.clear();
    let closed = bulk.close().await;
    imported.with_context(|| match revisions {
        0 => "nothing was imported".to_owned(),
        _ => "the organizations above were imported, and nothing of the one after them".to_owned(),
    })?;
    closed?;
    Ok(ExitCode::SUCCESS)
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, std::io::stdin())));
    }
    let source = File::open(file).with_context(|| {
        format!(
            "cannot open `{}`: name a file that `echelond export` wrote",
            file.display()
        )
    })?;
    Ok(Box::new(BufReader::with_capacity(BUFFER, source)))
}
