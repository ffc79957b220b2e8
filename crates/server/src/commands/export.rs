//! `echelond export`: writes organizations as an event stream.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use echelon_domain::OrganizationId;
use echelon_server::{
    clock::Clock,
    config::Config,
    server,
    stream::{self, Exported},
};
use echelon_store::Store;
use tokio::io::AsyncWrite;

use super::{
    backup::refuse_database,
    partial::Partial,
    progress::{Bar, thousands},
};

pub(crate) async fn export(
    config: &Config,
    organizations: &[String],
    file: &Path,
) -> anyhow::Result<ExitCode> {
    let to_stdout = file == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        bail!("an event stream is not for a terminal: name a file, or redirect stdout");
    }
    let named = organizations
        .iter()
        .map(|id| OrganizationId::new("--organization", id))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(database) = server::options(config).file()? {
        refuse_database(&database, file)?;
    }
    let store = Store::open_existing(&server::options(config)).await?;
    store.check_schema().await?;
    let written = if to_stdout {
        write(&store, named, &mut tokio::io::stdout()).await
    } else {
        write_file(&store, named, file).await
    };
    let closed = store.close().await;
    written?;
    closed?;
    Ok(ExitCode::SUCCESS)
}

/// The file appears under its name when it is complete and on the disk, or not at all.
async fn write_file(store: &Store, named: Vec<OrganizationId>, file: &Path) -> anyhow::Result<()> {
    let partial = Partial::beside(file)?;
    let path = partial.path.display().to_string();
    let mut out = tokio::fs::File::create(&partial.path)
        .await
        .with_context(|| format!("cannot create `{path}`: check the folder"))?;
    write(store, named, &mut out).await?;
    out.sync_all()
        .await
        .with_context(|| format!("cannot write `{path}`"))?;
    partial.replace(file)
}

async fn write(
    store: &Store,
    named: Vec<OrganizationId>,
    out: &mut (impl AsyncWrite + Unpin),
) -> anyhow::Result<()> {
    let ids = if named.is_empty() {
        let heads = store.heads().await?;
        heads.into_iter().map(|(id, _)| id).collect()
    } else {
        named
    };
    if ids.is_empty() {
        bail!("the database holds no organization: name another with --database");
    }
    let bar = Bar::new();
    for id in ids {
        let now = Clock::System.now();
        let exported = stream::export(store, &id, now, out, &mut bar.follow()).await;
        if exported.is_err() {
            bar.clear();
        }
        let Exported {
            organization,
            events,
            revision,
        } = exported?;
        bar.finish(&format!(
            "exported {organization}: {} events, revision {revision}",
            thousands(events)
        ));
    }
    Ok(())
}
