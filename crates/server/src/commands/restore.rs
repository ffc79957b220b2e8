//! `echelond restore`: an SQLite database from a backup, once that is proved sound.

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use echelon_server::{
    backup::{Backup, BackupError, prove},
    config::{Config, redacted_url},
    server,
};
use echelon_store::Place;
use serde_json::json;
use tempfile::TempDir;

use super::{backup::POSTGRES, check::print, progress::Bytes};
use crate::cli::{Existing, Output};

/// The database in the making, in a folder of its own.
const DATABASE: &str = "echelon.db";

pub(crate) async fn restore(
    config: &Config,
    file: &Path,
    existing: Existing,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let options = server::options(config);
    let Some(database) = options.file()? else {
        bail!(POSTGRES);
    };
    let place = Place::take(&database)?;
    if existing == Existing::Refuse && place.is_taken() {
        bail!(
            "`{}` exists: name another database with --database, or replace it with --force, which keeps it under \
             another name",
            place.file().display()
        );
    }
    // In the same folder: it is put into its place by a new name.
    let folder = place.file().parent().unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new()
        .prefix(".echelon-restore-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot write to `{}`", folder.display()))?;
    let extracted = extract(file, &folder).await?;
    let (store, proof) = prove(&extracted, &options).await?;
    if !proof.holds() {
        store.close().await?;
        print(&proof.findings, &proof.faults);
        bail!("the backup does not hold what it must, and nothing was restored: use another one");
    }
    let organizations = store.begin_epochs().await?;
    store.close().await?;
    place.give(&extracted).with_context(|| {
        format!(
            "cannot give the database to the owner of `{}`",
            place.file().display()
        )
    })?;
    let replaced = match place.is_taken() {
        true => Some(
            place
                .move_aside()
                .with_context(|| format!("cannot move `{}` aside", place.file().display()))?,
        ),
        false => None,
    };
    place.put(&extracted).with_context(|| {
        let aside = replaced
            .as_ref()
            .map(|aside| format!("; what was there is in `{}`", aside.display()));
        format!(
            "cannot put the database into its place `{}`{}",
            place.file().display(),
            aside.unwrap_or_default()
        )
    })?;
    let url = redacted_url(&config.database);
    match output {
        Output::Text => {
            if let Some(replaced) = &replaced {
                println!("what was there is in {}", replaced.display());
            }
            println!(
                "{url}: restored {organizations} organizations from {}; resume tokens from before are refused",
                file.display()
            );
        }
        Output::Json => println!(
            "{:#}",
            json!({ "database": url, "organizations": organizations, "replaced": replaced })
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the database of a backup into a folder, and proves its checksum.
pub(super) async fn extract(file: &Path, folder: &TempDir) -> anyhow::Result<std::path::PathBuf> {
    let (file, to) = (file.to_owned(), folder.path().join(DATABASE));
    let extracted = tokio::task::spawn_blocking(move || {
        let mut backup = Backup::open(&file)?;
        let total = backup.manifest().bytes;
        let bytes = Bytes::new("read");
        backup.extract(&to, |done| bytes.show(done, total))?;
        Ok::<_, BackupError>(to)
    });
    Ok(extracted
        .await
        .context("the backup was not read to its end")??)
}
