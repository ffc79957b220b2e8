//! PostgreSQL: `COPY` in its binary format.

use sea_orm::{DatabaseConnection, EntityTrait, IdenStatic as _, Iterable as _};

use super::rows::Sink;
use crate::error::StoreError;

/// Begins the data: a signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Ends the data, where a row would say how many columns it has.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// In place of the length of a column.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Rows of one table.
#[derive(Debug)]
pub(super) struct CopyRows {
    table: &'static str,
    columns: Vec<&'static str>,
    data: Vec<u8>,
}

impl CopyRows {
    pub(super) fn of<E: EntityTrait>() -> Self {
        Self {
            table: E::default().table_name(),
            columns: E::Column::iter().map(|column| column.as_str()).collect(),
            data: Vec::new(),
        }
    }

    fn add(&mut self, value: &[u8]) -> Result<(), StoreError> {
        let length = i32::try_from(value.len()).map_err(|_| StoreError::Other {
            cause: "a column is larger than PostgreSQL takes".to_owned(),
        })?;
        self.data.extend_from_slice(&length.to_be_bytes());
        self.data.extend_from_slice(value);
        Ok(())
    }

    pub(super) async fn write(mut self, connection: &DatabaseConnection) -> Result<(), StoreError> {
        if self.data.is_empty() {
            return Ok(());
        }
        self.data.extend_from_slice(&TRAILER);
        let sql = format!(
            "COPY {} (\"{}\") FROM STDIN (FORMAT BINARY)",
            self.table,
            self.columns.join("\", \"")
        );
        let pool = connection.get_postgres_connection_pool();
        let mut postgres = pool.acquire().await?;
        let mut copy = postgres.copy_in_raw(&sql).await?;
        copy.send(self.data).await?;
        copy.finish().await?;
        Ok(())
    }
}

impl Sink for CopyRows {
    fn row(&mut self) {
        if self.data.is_empty() {
            self.data.extend_from_slice(HEADER);
        }
        let columns = i16::try_from(self.columns.len()).unwrap_or(i16::MAX);
        self.data.extend_from_slice(&columns.to_be_bytes());
    }

    fn number(&mut self, number: i64) -> Result<(), StoreError> {
        self.add(&number.to_be_bytes())
    }

    fn text(&mut self, text: String) -> Result<(), StoreError> {
        self.add(text.as_bytes())
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.add(&bytes)
    }

    fn null(&mut self) -> Result<(), StoreError> {
        self.data.extend_from_slice(&NULL);
        Ok(())
    }
}
