//! `echelond compact`: removes old events, and keeps what is needed to go on and to check the rest.

use std::{process::ExitCode, time::Duration};

use echelon_domain::OrganizationId;
use echelon_server::{
    clock::Clock,
    compact::{CompactError, Compacted, compact as compact_log},
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
    let outcome = all(&store, named, keep).await;
    store.close().await?;
    let (compacted, failed) = outcome?;
    match output {
        Output::Text => {
            for one in &compacted {
                print(one);
            }
        }
        Output::Json => println!("{:#}", to_json(&compacted)),
    }
    for error in &failed {
        eprintln!("echelond: {error}");
    }
    Ok(match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// What became of each log. One that cannot be compacted keeps no other from it.
async fn all(
    store: &Store,
    named: Vec<OrganizationId>,
    keep: Duration,
) -> anyhow::Result<(Vec<Compacted>, Vec<CompactError>)> {
    let ids = if named.is_empty() {
        let heads = store.heads().await?;
        heads.into_iter().map(|(id, _)| id).collect()
    } else {
        named
    };
    let before = Clock::System.now().minus(keep);
    let (mut compacted, mut failed) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids {
        match compact_log(store, &id, before).await {
            Ok(one) => compacted.push(one),
            Err(error) => failed.push(error),
        }
    }
    Ok((compacted, failed))
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
