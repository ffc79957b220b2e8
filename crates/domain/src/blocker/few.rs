//! Lists that are mostly empty.

use std::ops::{Deref, DerefMut};

/// A list that is empty for most blockers: then it takes one pointer, a third of a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Few<T>(
    #[expect(
        clippy::box_collection,
        reason = "there is no box while the list is empty, and a thin pointer is what counts"
    )]
    Option<Box<Vec<T>>>,
);

impl<T> Few<T> {
    /// None of them.
    pub const NONE: Self = Self(None);

    /// Adds one.
    pub fn push(&mut self, item: T) {
        self.extend([item]);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Forgets those that are not to stay.
    pub fn retain(&mut self, stays: impl FnMut(&T) -> bool) {
        if let Some(items) = &mut self.0 {
            items.retain(stays);
            if items.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_deref_mut().map_or(&mut [], Vec::as_mut_slice)
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        let mut more = more.into_iter();
        if let Some(first) = more.next() {
            let items = self.0.get_or_insert_default();
            items.reserve_exact(1 + more.size_hint().0);
            items.push(first);
            items.extend(more);
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut collected = Self::NONE;
        collected.extend(items);
        collected
    }
}

impl<T> From<Box<[T]>> for Few<T> {
    fn from(items: Box<[T]>) -> Self {
        Self(Some(Box::new(items.into_vec())).filter(|items| !items.is_empty()))
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Few<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_left_are_none() {
        let mut few: Few<i64> = [1, 2].into_iter().collect();
        few.push(3);
        assert_eq!(*few, [1, 2, 3]);
        few.retain(|item| *item > 3);
        assert_eq!(few, Few::NONE);
        assert_eq!(Few::from(Box::<[i64]>::default()), Few::NONE);
        assert_eq!(size_of::<Few<i64>>(), 8);
    }
}
