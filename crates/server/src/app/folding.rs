//! When the counters of organizations are folded into their rows.

use std::{collections::HashMap, sync::Arc};

use echelon_domain::OrganizationId;

use super::App;

/// By how many revisions an organization grows before its counters are folded: each node's are then written once for many
/// revisions, and a load still reads what is not folded in a moment.
const FOLD_AFTER: i64 = 20_000;

/// Up to which revision this server has folded the counters of organizations. Others may have folded more: then there is
/// little to do.
#[derive(Debug, Default)]
pub(super) struct Folded {
    reach: HashMap<OrganizationId, i64>,
}

impl Folded {
    /// Of organizations and their revisions, those that have grown enough since, and those that are seen for the first time: a
    /// server that is replaced often folds too.
    pub(super) fn grown<'a>(
        &self,
        loaded: impl Iterator<Item = (&'a OrganizationId, i64)>,
    ) -> Vec<(OrganizationId, i64)> {
        loaded
            .filter(|(id, revision)| match self.reach.get(id) {
                Some(folded) => revision - folded >= FOLD_AFTER,
                None => *revision > 0,
            })
            .map(|(id, revision)| (id.clone(), revision))
            .collect()
    }

    pub(super) fn note(&mut self, folded: Vec<(OrganizationId, i64)>) {
        self.reach.extend(folded);
    }
}

/// Folds counters, one organization after the other, and tells of which.
pub(super) async fn fold(
    app: Arc<App>,
    grown: Vec<(OrganizationId, i64)>,
) -> Vec<(OrganizationId, i64)> {
    let mut folded = Vec::with_capacity(grown.len());
    for (id, revision) in grown {
        match app.store.fold_counters(&id).await {
            Ok(_) => folded.push((id, revision)),
            Err(error) => {
                tracing::warn!(organization.id = %id, %error, "folding counters failed and will be repeated");
            }
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_folded_when_it_is_first_seen_and_whenever_it_has_grown() {
        let ids = ["acme", "other"].map(|id| OrganizationId::new("organization", id).unwrap());
        let mut folded = Folded::default();
        let grown = |folded: &Folded, revisions: [i64; 2]| -> Vec<i64> {
            let grown = folded.grown(ids.iter().zip(revisions));
            grown.into_iter().map(|(_, revision)| revision).collect()
        };
        assert_eq!(grown(&folded, [7, 0]), [7]);
        folded.note(vec![(ids[0].clone(), 7), (ids[1].clone(), 1)]);
        assert!(grown(&folded, [FOLD_AFTER + 6, 1]).is_empty());
        assert_eq!(grown(&folded, [FOLD_AFTER + 7, 1]), [FOLD_AFTER + 7]);
        folded.note(vec![(ids[0].clone(), FOLD_AFTER)]);
        assert_eq!(
            grown(&folded, [2 * FOLD_AFTER - 1, FOLD_AFTER + 7]),
            [FOLD_AFTER + 7]
        );
        // What failed is not noted.
        assert_eq!(
            grown(&folded, [2 * FOLD_AFTER, FOLD_AFTER + 7]),
            [2 * FOLD_AFTER, FOLD_AFTER + 7]
        );
    }
}
