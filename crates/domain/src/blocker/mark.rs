//! Marks: rules that are spent since real progress was last made.

use std::ops::{Deref, DerefMut};

use crate::{text::Text, time::Timestamp};

/// What became of a rule since real progress was last made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleMark {
    /// Name of the rule.
    pub rule: Text,
    /// What became of it.
    pub kind: MarkKind,
    /// When.
    pub at: Timestamp,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// It acted.
    Fired,
    /// It was late and skips.
    Skipped,
    /// It came due and its condition was not met; an edit makes it look again.
    Unmatched,
    /// It was late and its duration runs anew from then.
    Restarted,
}

impl MarkKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Fired, Self::Skipped, Self::Unmatched, Self::Restarted];

    /// The name, as in records and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Skipped => "skipped",
            Self::Unmatched => "unmatched",
            Self::Restarted => "restarted",
        }
    }
}

/// The marks of a blocker, at most one per rule. Most blockers have none: then they take one pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(
    #[expect(
        clippy::box_collection,
        reason = "there is none while there are no marks, and a pointer is a third of a vector"
    )]
    Option<Box<Vec<RuleMark>>>,
);

impl Marks {
    /// No marks.
    pub const NONE: Self = Self(None);

    /// Adds one.
    pub fn push(&mut self, mark: RuleMark) {
        self.extend([mark]);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Forgets those that are not to stay.
    pub fn retain(&mut self, stays: impl FnMut(&RuleMark) -> bool) {
        if let Some(marks) = &mut self.0 {
            marks.retain(stays);
            if marks.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl Deref for Marks {
    type Target = [RuleMark];

    fn deref(&self) -> &[RuleMark] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl DerefMut for Marks {
    fn deref_mut(&mut self) -> &mut [RuleMark] {
        self.0.as_deref_mut().map_or(&mut [], Vec::as_mut_slice)
    }
}

impl Extend<RuleMark> for Marks {
    fn extend<I: IntoIterator<Item = RuleMark>>(&mut self, more: I) {
        let mut more = more.into_iter();
        if let Some(first) = more.next() {
            let marks = self.0.get_or_insert_default();
            marks.reserve_exact(1 + more.size_hint().0);
            marks.push(first);
            marks.extend(more);
        }
    }
}

impl FromIterator<RuleMark> for Marks {
    fn from_iter<I: IntoIterator<Item = RuleMark>>(marks: I) -> Self {
        let mut collected = Self::NONE;
        collected.extend(marks);
        collected
    }
}

impl<'a> IntoIterator for &'a Marks {
    type Item = &'a RuleMark;
    type IntoIter = std::slice::Iter<'a, RuleMark>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_left_are_none() {
        let mark = RuleMark {
            rule: "late".into(),
            kind: MarkKind::Fired,
            at: Timestamp::default(),
        };
        let mut marks: Marks = [mark].into_iter().collect();
        assert_eq!(marks.len(), 1);
        marks.retain(|mark| mark.rule != "late");
        assert_eq!(marks, Marks::NONE);
        assert_eq!(size_of::<Marks>(), 8);
    }
}
