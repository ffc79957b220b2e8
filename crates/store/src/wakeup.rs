//! Wake-ups between replicas, by PostgreSQL's NOTIFY: hints that a log has grown. They may be lost, come late or twice;
//! whoever depends on them reads the log as well.

use echelon_domain::OrganizationId;
use sea_orm::sqlx::{
    self, AssertSqlSafe, Executor as _, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use uuid::Uuid;

use crate::error::StoreError;

/// The channel of all replicas on one database.
const CHANNEL: &str = "echelon";
/// PostgreSQL takes less than 8,000 bytes; a wake-up that would be longer names nobody.
const PAYLOAD_MAX: usize = 7_900;

/// How a replica wakes others up.
#[derive(Debug)]
pub(crate) struct Wakeups {
    /// Tells its own wake-ups from those of others.
    sender: String,
    /// None where nobody can listen: behind a pooler that gives each transaction another connection.
    address: Option<PgConnectOptions>,
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// These logs reach these revisions.
    Grown(Vec<(OrganizationId, i64)>),
    /// Something may have been missed: look at all heads.
    Missed,
}

/// Hears the wake-ups of other replicas, on a connection of its own. It connects again by itself.
#[derive(Debug)]
pub struct Listener {
    listener: PgListener,
    sender: String,
}

impl Wakeups {
    pub(crate) fn new(address: Option<PgConnectOptions>) -> Self {
        Self {
            sender: Uuid::new_v4().simple().to_string(),
            address,
        }
    }

    /// Wakes up whoever listens, in one statement without a transaction around it: NOTIFY takes a lock that all commits
    /// with one wait for.
    pub(crate) async fn send(
        &self,
        pool: &PgPool,
        grown: &[(OrganizationId, i64)],
    ) -> Result<(), StoreError> {
        // Ids and numbers hold nothing that must be quoted; a simple statement needs no preparing.
        let notify = format!("NOTIFY {CHANNEL}, '{}'", payload(&self.sender, grown));
        pool.execute(sqlx::raw_sql(AssertSqlSafe(notify))).await?;
        Ok(())
    }

    /// Begins to listen; none if nobody can. Errors: [`StoreError::Unreachable`], [`StoreError::Busy`].
    pub(crate) async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        let Some(address) = &self.address else {
            return Ok(None);
        };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with(address.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Listener {
            listener,
            sender: self.sender.clone(),
        }))
    }
}

impl Listener {
    /// The next wake-up by another replica. Errors: [`StoreError::Unreachable`] if the connection is lost and does not
    /// come back: listen anew.
    pub async fn next(&mut self) -> Result<Wakeup, StoreError> {
        loop {
            let Some(heard) = self.listener.try_recv().await? else {
                return Ok(Wakeup::Missed);
            };
            if let Some(wakeup) = read(heard.payload(), &self.sender) {
                return Ok(wakeup);
            }
        }
    }
}

fn payload(sender: &str, grown: &[(OrganizationId, i64)]) -> String {
    let mut payload = sender.to_owned();
    for (id, revision) in grown {
        payload.push_str(&format!(" {id}={revision}"));
        if payload.len() > PAYLOAD_MAX {
            return sender.to_owned();
        }
    }
    payload
}

/// What a payload says; none if it is the reader's own. What cannot be read, as of a newer version, is a hint as well.
fn read(payload: &str, own: &str) -> Option<Wakeup> {
    let mut words = payload.split(' ');
    if words.next() == Some(own) {
        return None;
    }
    let grown: Option<Vec<_>> = words
        .map(|word| {
            let (id, revision) = word.split_once('=')?;
            let id = OrganizationId::new("organization", id).ok()?;
            Some((id, revision.parse().ok()?))
        })
        .collect();
    Some(match grown {
        Some(grown) if !grown.is_empty() => Wakeup::Grown(grown),
        _ => Wakeup::Missed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> OrganizationId {
        OrganizationId::new("organization", &format!("organization-{number}")).unwrap()
    }

    #[test]
    fn a_wakeup_is_read_by_all_but_its_sender() {
        let grown = vec![(id(1), 7), (id(2), 9)];
        let payload = payload("a", &grown);
        assert_eq!(read(&payload, "a"), None);
        assert_eq!(read(&payload, "b"), Some(Wakeup::Grown(grown)));
    }

    #[test]
    fn what_names_nobody_is_a_wakeup_too() {
        let many: Vec<_> = (0..1_000).map(|number| (id(number), 1)).collect();
        let payload = payload("a", &many);
        assert!(payload.len() <= PAYLOAD_MAX);
        for payload in [payload.as_str(), "", "c x=y", "c x"] {
            assert_eq!(read(payload, "b"), Some(Wakeup::Missed), "{payload}");
        }
    }
}
