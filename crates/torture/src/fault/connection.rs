//! Connections that misbehave.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    plan::fault::{Link, Trouble},
    site::Site,
};

/// Makes one connection misbehave for a while.
pub(super) async fn misbehave(
    site: &Site,
    link: Link,
    replica: usize,
    how: Trouble,
    lasts: Duration,
) {
    let replica = site.replica(replica);
    let proxy = match link {
        Link::Clients => Some(&replica.clients),
        Link::Database => replica.database.as_ref(),
    };
    if let Some(proxy) = proxy {
        proxy.trouble(Some(how));
        sleep(lasts).await;
        proxy.trouble(None);
    }
}
