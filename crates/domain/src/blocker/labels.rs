//! Free labels of a blocker.

use std::collections::BTreeMap;

use super::Few;
use crate::text::Text;

/// Labels, by key. They take as much as they say: most blockers have none, the others few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Few<(Text, Text)>);

impl Labels {
    /// Each key with its value, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every text in them.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        self.0.iter_mut().flat_map(|(key, value)| [key, value])
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(labels: BTreeMap<String, String>) -> Self {
        let labels = labels.into_iter();
        Self(
            labels
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl From<&Labels> for BTreeMap<String, String> {
    fn from(labels: &Labels) -> Self {
        let labels = labels.iter();
        labels
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    }
}
