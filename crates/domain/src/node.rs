//! Nodes: teams and teams of teams, one recursive type.

use crate::{
    error::Error,
    id::NodeId,
    text::{self, TITLE_MAX, Text},
    time::Timestamp,
};

/// Label of a level, such as `TEAM` or `TRAIN`; 1–40 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(Text);

impl Level {
    /// Checks a label given in `field`. Errors: [`Error::Invalid`].
    pub fn new(field: &str, text: &str) -> Result<Self, Error> {
        Ok(Self(text::constant(field, text)?.into()))
    }

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Most representatives of one node.
const REPRESENTATIVES_MAX: usize = 200;

/// A person who speaks for a node in its parent's meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representative {
    /// Who, 1–200 characters.
    pub person: String,
    /// Role, 1–40 characters.
    pub role: String,
    /// Start of the period; none: always.
    pub start: Option<Timestamp>,
    /// End of the period, exclusive; none: open.
    pub end: Option<Timestamp>,
}

/// Checks the representatives given in `field`. Errors: [`Error::Invalid`].
pub fn check_representatives(field: &str, representatives: &[Representative]) -> Result<(), Error> {
    if representatives.len() > REPRESENTATIVES_MAX {
        return Err(Error::field(
            field,
            format!(
                "has {} entries, at most {REPRESENTATIVES_MAX} are allowed: remove some",
                representatives.len()
            ),
        ));
    }
    for (index, representative) in representatives.iter().enumerate() {
        let Representative {
            person,
            role,
            start,
            end,
        } = representative;
        text::line(&format!("{field}[{index}].person"), person, TITLE_MAX)?;
        text::constant(&format!("{field}[{index}].role"), role)?;
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(Error::field(
                format!("{field}[{index}].end_time"),
                "must be later than start_time",
            ));
        }
    }
    Ok(())
}

/// A team or a team of teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Id; immutable.
    pub id: NodeId,
    /// Parent; none for the root.
    pub parent: Option<NodeId>,
    /// Level label.
    pub level: Level,
    /// Name for people.
    pub display_name: String,
    /// Who speaks for it.
    pub representatives: Vec<Representative>,
    /// True if it takes no part any more.
    pub archived: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Revision of its last change; its etag.
    pub revision: i64,
}
