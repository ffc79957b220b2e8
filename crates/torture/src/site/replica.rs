//! One server, and what lies before and behind it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    Tools,
    process::{Daemon, Place},
};
use crate::proxy::Proxy;

/// One server, with the proxies before and behind it.
pub(crate) struct Replica {
    /// Between clients and it.
    pub(crate) clients: Proxy,
    /// Between it and PostgreSQL.
    pub(crate) database: Option<Proxy>,
    /// Its process; none while it is down.
    pub(crate) daemon: tokio::sync::Mutex<Option<Daemon>>,
    place: Place,
}

impl Replica {
    /// One that is down, with its proxies.
    pub(super) async fn new(tools: &Tools, url: &str, number: usize) -> Result<Self> {
        let (database, url) = match postgres_address(url) {
            None => (None, url.to_owned()),
            Some(address) => {
                let proxy = Proxy::start(Some(address.parse()?)).await?;
                let url = url.replace(&address, &proxy.address().to_string());
                (Some(proxy), url)
            }
        };
        let clock = tools.folder.join(format!("clock-{number}"));
        write_clock(&clock, 0, 0)?;
        Ok(Self {
            clients: Proxy::start(None).await?,
            database,
            daemon: tokio::sync::Mutex::default(),
            place: Place {
                echelond: tools.echelond.clone(),
                url,
                log: tools.folder.join(format!("echelond-{number}.log")),
                clock,
            },
        })
    }

    /// Where its log is.
    #[must_use]
    pub(crate) fn log(&self) -> &Path {
        &self.place.log
    }

    /// Where it finds what it needs.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Sets the clock of its machine and, as it sees it, that of the database.
    pub(super) fn set_clock(&self, machine_us: i64, database_us: i64) -> Result<()> {
        write_clock(&self.place.clock, machine_us, database_us)
    }
}

/// `HOST:PORT` of a PostgreSQL's URL.
fn postgres_address(url: &str) -> Option<String> {
    let rest = url.strip_prefix("postgres://")?;
    let (server, _) = rest.split_once('/')?;
    let address = server
        .rsplit_once('@')
        .map_or(server, |(_, address)| address);
    Some(address.to_owned())
}

/// Under its name at once and as a whole: a server may be reading it.
fn write_clock(path: &Path, machine_us: i64, database_us: i64) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, format!("{machine_us} {database_us}"))?;
    fs::rename(partial, path).context("cannot set a clock")
}
