//! From columns to domain types and back: what every table shares.

use std::{fmt::Display, time::Duration};

use echelon_domain::{Error, NodeId, OrganizationId, PolicyId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// A row that is being read: it can say where a fault lies.
pub(crate) struct Row {
    table: &'static str,
    key: String,
}

impl Row {
    pub(crate) fn new(table: &'static str, organization: &str, key: impl Display) -> Self {
        Self {
            table,
            key: format!("{organization}/{key}"),
        }
    }

    pub(crate) fn corrupt(&self, column: &str, fault: impl Display) -> StoreError {
        StoreError::Corrupt {
            message: format!(
                "the column `{column}` of the table `{}` is damaged at `{}`: {fault}",
                self.table, self.key
            ),
        }
    }

    pub(crate) fn checked<T>(
        &self,
        column: &str,
        value: Result<T, Error>,
    ) -> Result<T, StoreError> {
        value.map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn organization(&self, text: &str) -> Result<OrganizationId, StoreError> {
        self.checked("organization", OrganizationId::new("organization", text))
    }

    pub(crate) fn node(&self, column: &'static str, text: &str) -> Result<NodeId, StoreError> {
        self.checked(column, NodeId::new(column, text))
    }

    pub(crate) fn nodes(
        &self,
        column: &'static str,
        json: &str,
    ) -> Result<Box<[NodeId]>, StoreError> {
        let texts: Vec<String> = self.json(column, json)?;
        texts.iter().map(|text| self.node(column, text)).collect()
    }

    pub(crate) fn policy(&self, column: &'static str, text: &str) -> Result<PolicyId, StoreError> {
        self.checked(column, PolicyId::new(column, text))
    }

    /// The value of an enum by its name.
    pub(crate) fn named<T: Copy>(
        &self,
        column: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        all.iter()
            .copied()
            .find(|value| name(*value) == text)
            .ok_or_else(|| self.corrupt(column, format!("`{text}` is unknown")))
    }

    pub(crate) fn json<'a, T: Deserialize<'a>>(
        &self,
        column: &str,
        text: &'a str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn small(&self, column: &str, number: i64) -> Result<i32, StoreError> {
        i32::try_from(number).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn span(&self, column: &str, micros: i64) -> Result<Duration, StoreError> {
        u64::try_from(micros)
            .map(Duration::from_micros)
            .map_err(|error| self.corrupt(column, error))
    }
}

/// A span in microseconds; the longest that fits if it does not.
pub(crate) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn optional_micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_micros)
}

pub(crate) fn optional_time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp::from_micros)
}

/// Text of a JSON column. Errors: [`StoreError::Other`], which plain data does not give.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Other {
        cause: format!("cannot encode a column: {error}"),
    })
}

pub(crate) fn node_texts(nodes: &[NodeId]) -> Vec<&str> {
    nodes.iter().map(NodeId::as_str).collect()
}
