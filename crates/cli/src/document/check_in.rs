//! The document of a check-in: one node's answers to the five questions.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::view::words::Severity;

/// A check-in.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckIn {
    /// Id of the node that answers, unless the command line names it.
    pub(crate) node: Option<String>,
    /// What did your team accomplish since the last meeting?
    #[serde(default)]
    pub(crate) accomplished: String,
    /// What will it do before the next?
    #[serde(default)]
    pub(crate) planned: String,
    /// What blocks you?
    #[serde(default)]
    pub(crate) blockers: Vec<Blocker>,
    /// What might you be blocking for others?
    #[serde(default)]
    pub(crate) may_block: Vec<Claim>,
    /// Which cross-team decisions need deeper discussion?
    #[serde(default)]
    pub(crate) decisions: Vec<String>,
}

/// A blocker named in a check-in: in one line, or in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Blocker {
    /// `HIGH: title`, `title`, or the number of one that is there.
    Line(String),
    /// In full.
    Full(FullBlocker),
}

/// A blocker in full.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullBlocker {
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) severity: Option<Severity>,
    #[serde(default)]
    pub(crate) category: String,
    #[serde(default)]
    pub(crate) causing_nodes: Vec<String>,
    #[serde(default)]
    pub(crate) dedupe_key: String,
}

/// That the node may be blocking another.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) node: String,
    #[serde(default)]
    pub(crate) note: String,
}

impl<'de> Deserialize<'de> for Blocker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Blocker;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a title, the number of a blocker such as B-12, or {title: TITLE}")
            }

            fn visit_str<E: de::Error>(self, line: &str) -> Result<Blocker, E> {
                Ok(Blocker::Line(line.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Blocker, A::Error> {
                FullBlocker::deserialize(MapAccessDeserializer::new(map)).map(Blocker::Full)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// A line such as `HIGH: Payment sandbox rejects cards`: its severity, if it begins with one, and its title.
pub(crate) fn severity_and_title(line: &str) -> (Option<Severity>, &str) {
    if let Some((word, title)) = line.split_once(':')
        && let Some(severity) = Severity::from_word(word.trim())
    {
        return (Some(severity), title.trim());
    }
    (None, line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::example, input::Document};

    #[test]
    fn the_documented_check_in_is_read() {
        let check_in: CheckIn = example("check-in").parse().unwrap();
        assert_eq!(check_in.node.as_deref(), Some("checkout"));
        assert_eq!(check_in.blockers.len(), 3);
        assert_eq!(check_in.blockers[0], Blocker::Line("B-12".to_owned()));
        let Blocker::Full(full) = &check_in.blockers[2] else {
            panic!("{check_in:?}");
        };
        assert_eq!(full.severity, Some(Severity::Critical));
        assert_eq!(full.causing_nodes, ["payments"]);
        assert_eq!(check_in.may_block[0].node, "payments");
        assert_eq!(check_in.decisions.len(), 1);
    }

    #[test]
    fn a_line_may_begin_with_a_severity() {
        for (line, severity, title) in [
            ("HIGH: no cards", Some(Severity::High), "no cards"),
            ("critical:no cards", Some(Severity::Critical), "no cards"),
            ("Sandbox: no cards", None, "Sandbox: no cards"),
            (" no cards ", None, "no cards"),
        ] {
            assert_eq!(severity_and_title(line), (severity, title));
        }
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let text = "node: checkout\nblockers:\n  - title: no cards\n    severity: huge\n";
        let message = Document::new(text)
            .parse::<CheckIn>()
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("unknown variant `huge`") && message.contains("line 4"),
            "{message}"
        );
        let text = "node: checkout\nblocked_by: []\n";
        let message = Document::new(text)
            .parse::<CheckIn>()
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("unknown field `blocked_by`") && message.contains("line 2"),
            "{message}"
        );
    }
}
