//! A look at an organization that locks nothing.

use echelon_domain::{OrganizationId, RequestId, Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    batch::head_and_clock,
    error::StoreError,
    organization::{self, Head},
    request::{self, StoredRequest},
};

const HEAD: &str = "SELECT *, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint) AS clock_us \
     FROM organization_head WHERE organization = $1";

/// What a look has found: as it was, and maybe no longer is.
#[derive(Debug)]
pub struct Look {
    /// The head; none if the organization does not exist.
    pub head: Option<Head>,
    /// The database's clock; none on SQLite, which has no clock of its own, and where there is no organization.
    pub database_time: Option<Timestamp>,
    /// The stored answers of the calls that were asked for.
    pub requests: Vec<StoredRequest>,
}

impl Look {
    pub(crate) async fn at(
        connection: &impl ConnectionTrait,
        id: &OrganizationId,
        requests: &[RequestId],
    ) -> Result<Self, StoreError> {
        let (head, database_time) = match connection.get_database_backend() {
            DbBackend::Postgres => {
                let name = [id.as_str().into()];
                let ask = Statement::from_sql_and_values(DbBackend::Postgres, HEAD, name);
                match connection.query_one_raw(ask).await? {
                    Some(row) => {
                        let (head, time) = head_and_clock(&row)?;
                        (head, Some(time))
                    }
                    None => (None, None),
                }
            }
            _ => (organization::head(connection, id).await?, None),
        };
        Ok(Self {
            head,
            database_time,
            requests: request::identified(connection, id, requests).await?,
        })
    }
}
