//! `echelond compact`: removes old events, and keeps what is needed to go on and to check the rest.

use std::{process::ExitCode, time::Duration};

use echelon_domain::OrganizationId;
use echelon_server::{
    clock::Clock,
    compact::{Compacted, compact as compact_log},
    config::Config,
    server,
};
use echelon_store::Store;
use serde_json::json;

use super::progress::thousands;
use crate::cli::Output;

pub(crate) async fn compact(
    config: &Config,
    organizations: &[String],
    keep: Duration,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let named = organizations
        .iter()
        .map(|id| OrganizationId::new("--organization", id))
        .collect::<Result<Vec<_>, _>>()?;
    let store = Store::open_existing(&server::options(config)).await?;
    store.check_schema().await?;
    let compacted = all(&store, named, keep).await;
    store.close().await?;
    let compacted = compacted?;
    match output {
        Output::Text => {
            for one in &compacted {
                print(one);
            }
        }
        Output::Json => println!("{:#}", to_json(&compacted)),
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(
    store: &Store,
    named: Vec<OrganizationId>,
    keep: Duration,
) -> anyhow::Result<Vec<Compacted>> {
    let ids = if named.is_empty() {
        let heads = store.heads().await?;
        heads.into_iter().map(|(id, _)| id).collect()
    } else {
        named
    };
    let before = Clock::System.now().minus(keep);
    let mut compacted = Vec::with_capacity(ids.len());
    for id in ids {
        compacted.push(compact_log(store, &id, before).await?);
    }
    Ok(compacted)
}

fn print(compacted: &Compacted) {
    let Compacted {
        organization,
        revision,
        removed,
    } = compacted;
    match removed {
        0 => println!("{organization}: no event is old enough"),
        _ => println!(
            "{organization}: {} events removed, the log begins after revision {revision}",
            thousands(*removed)
        ),
    }
}

fn to_json(compacted: &[Compacted]) -> serde_json::Value {
    let organizations: Vec<_> = compacted
        .iter()
        .map(|compacted| {
            let Compacted {
                organization,
                revision,
                removed,
            } = compacted;
            json!({
                "organization": organization.as_str(),
                "compacted": revision,
                "removed": removed,
            })
        })
        .collect();
    json!({ "organizations": organizations })
}
