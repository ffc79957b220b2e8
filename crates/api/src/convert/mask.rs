//! Field masks of updates.

use echelon_domain::Error;
use prost_types::FieldMask;

/// Which fields an update names.
#[derive(Debug)]
pub struct Mask<'a> {
    paths: Option<&'a [String]>,
}

impl<'a> Mask<'a> {
    /// Checks that a mask names only `known` fields, or fields below them. Errors: [`Error::Invalid`].
    pub fn new(mask: Option<&'a FieldMask>, known: &[&str]) -> Result<Self, Error> {
        let paths = mask
            .map(|mask| mask.paths.as_slice())
            .filter(|paths| !paths.is_empty());
        for path in paths.into_iter().flatten() {
            if !known.contains(&path.as_str()) {
                let shown: String = path.chars().take(80).collect();
                return Err(Error::field(
                    "update_mask",
                    format!(
                        "`{shown}` cannot be updated: name some of {}",
                        known.join(", ")
                    ),
                ));
            }
        }
        Ok(Self { paths })
    }

    /// The new value of a field: as given if the mask names it, or if there is no mask and the value is set.
    pub fn pick<T>(&self, path: &str, value: T, is_set: bool) -> Option<T> {
        match self.paths {
            Some(paths) => paths
                .iter()
                .any(|named| named == path || path.starts_with(&format!("{named}.")))
                .then_some(value),
            None => is_set.then_some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_mask_what_is_set_counts_and_with_one_what_it_names() {
        let none = Mask::new(None, &["a"]).unwrap();
        assert_eq!(none.pick("a", 1, true), Some(1));
        assert_eq!(none.pick("a", 0, false), None);
        let mask = FieldMask {
            paths: vec!["a".to_owned()],
        };
        let named = Mask::new(Some(&mask), &["a", "b"]).unwrap();
        assert_eq!(named.pick("a", 0, false), Some(0));
        assert_eq!(named.pick("a.c", 0, false), Some(0));
        assert_eq!(named.pick("b", 1, true), None);
        assert!(Mask::new(Some(&mask), &["b"]).is_err());
    }
}
