//! A watcher of a roll-up.

use std::sync::Arc;

use anyhow::Result;
use echelon_api::v1;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{AGAIN, SILENCE};
use crate::{
    client::{Links, seen},
    record::SeenRollup,
    site::Site,
};

/// Follows the roll-up of a node, through one replica after the other, until a goal is set.
///
/// # Errors
/// If it cannot connect anywhere.
pub(crate) async fn follow(
    site: Arc<Site>,
    node: String,
    mut goal: watch::Receiver<Option<i64>>,
) -> Result<Vec<SeenRollup>> {
    let links = Links::new(&site)?;
    let mut told = Vec::new();
    for replica in 0.. {
        site.passable().await;
        let history = site.history();
        let request = v1::WatchRollupRequest {
            node: node.clone(),
            min_revision: 0,
        };
        let mut rollups = links.to(replica).rollups();
        if let Ok(Ok(answer)) = timeout(SILENCE, rollups.watch_rollup(request)).await {
            let mut stream = answer.into_inner();
            while let Ok(Ok(Some(message))) = timeout(SILENCE, stream.message()).await {
                told.extend(
                    message
                        .rollup
                        .into_iter()
                        .flat_map(|one| seen(history, one)),
                );
                if goal.borrow_and_update().is_some() {
                    return Ok(told);
                }
            }
        }
        if goal.borrow().is_some() {
            return Ok(told);
        }
        sleep(AGAIN).await;
    }
    Ok(told)
}
