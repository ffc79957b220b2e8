//! `echelond backup`: an SQLite database in one file, while a server goes on with it.

use std::{path::Path, process::ExitCode, time::SystemTime};

use anyhow::{Context as _, bail};
use echelon_server::{
    backup::{Sealed, seal},
    config::Config,
    server,
};
use serde_json::json;

use super::{
    partial::{Partial, exists},
    progress::Bytes,
};
use crate::cli::{Existing, Output};

/// What PostgreSQL's own tools do better.
pub(super) const POSTGRES: &str = "this is for SQLite; PostgreSQL has tools of its own: `pg_dump --format=custom` to \
     back up, `pg_restore`, then `echelond new-epoch` and `echelond check` to restore";

pub(crate) async fn backup(
    config: &Config,
    file: &Path,
    existing: Existing,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let Some(database) = server::options(config).file()? else {
        bail!(POSTGRES);
    };
    let to = file.to_owned();
    let sealed = tokio::task::spawn_blocking(move || write(&database, &to, existing));
    let Sealed { manifest, sha256 } = sealed.await.context("the backup was cut off")??;
    match output {
        Output::Text => {
            for kept in &manifest.organizations {
                println!("{}: revision {}", kept.organization, kept.revision);
            }
            println!(
                "backed up to {}: {} bytes, sha256 {sha256}",
                file.display(),
                manifest.bytes
            );
        }
        Output::Json => println!(
            "{:#}",
            json!({ "file": file, "sha256": sha256, "manifest": manifest })
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn write(database: &Path, file: &Path, existing: Existing) -> anyhow::Result<Sealed> {
    refuse_database(database, file)?;
    // It is looked at again when the backup gets its name.
    if existing == Existing::Refuse && file.exists() {
        bail!(exists(file));
    }
    let partial = Partial::beside(file)?;
    let failed = || {
        format!(
            "cannot write `{}`: check the folder, and that its disk has room",
            partial.path.display()
        )
    };
    // Nobody else may read what is in a database.
    private(&partial.path).with_context(failed)?;
    let bytes = Bytes::new("copied");
    let contents = echelon_store::copy(database, &partial.path, |done, total| {
        bytes.show(done, total);
    })
    .with_context(|| format!("no backup of `{}` was made", database.display()))?;
    let total = std::fs::metadata(&partial.path).with_context(failed)?.len();
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let bytes = Bytes::new("summed up");
    let sealed = seal(&partial.path, contents, time, |done| {
        bytes.show(done, total);
    })
    .with_context(failed)?;
    match existing {
        Existing::Refuse => partial.place(file)?,
        Existing::Replace => partial.replace(file)?,
    }
    Ok(sealed)
}

/// Refuses to write over the database that is read. Errors: the file is it, or is kept beside it.
pub(super) fn refuse_database(database: &Path, file: &Path) -> anyhow::Result<()> {
    if echelon_store::is_of_database(database, file) {
        bail!(
            "`{}` belongs to the database itself: name another file",
            file.display()
        );
    }
    Ok(())
}

/// Creates a file that only its owner may read.
fn private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    Ok(())
}
