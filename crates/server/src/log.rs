//! Folding a log from the database, page by page.

use echelon_api::convert::event::from_record;
use echelon_domain::{Organization, check::Violation, event::Event};
use echelon_store::{Store, StoreError};

/// Events read at once.
const PAGE: usize = 1000;

/// A state, and the log that it is carried along.
pub(crate) struct Log<'a> {
    store: &'a Store,
    state: Organization,
    events: u64,
}

impl<'a> Log<'a> {
    /// The log after a state.
    pub(crate) const fn after(store: &'a Store, state: Organization) -> Self {
        Self {
            store,
            state,
            events: 0,
        }
    }

    /// The state so far.
    pub(crate) const fn state(&self) -> &Organization {
        &self.state
    }

    /// How many events were folded.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// Folds the log up to a revision, or its end. `before` is shown each event, and the state that it is to be folded into.
    /// Errors: the database cannot be read; within, the event that cannot be folded.
    pub(crate) async fn fold_to(
        &mut self,
        revision: i64,
        mut before: impl FnMut(&Organization, &Event),
    ) -> Result<Result<(), Violation>, StoreError> {
        loop {
            let id = self.state.id();
            let rows = self
                .store
                .events_after(id, self.state.revision(), PAGE)
                .await?;
            if rows.is_empty() {
                return Ok(Ok(()));
            }
            for row in rows {
                if row.revision > revision {
                    return Ok(Ok(()));
                }
                let folded = from_record(&row.payload).and_then(|event| {
                    before(&self.state, &event);
                    self.state.apply(&event)
                });
                if let Err(error) = folded {
                    return Ok(Err(Violation {
                        guarantee: "E9",
                        message: format!(
                            "event {}/{} cannot be folded: {error}",
                            row.revision, row.index
                        ),
                    }));
                }
                self.events += 1;
            }
        }
    }
}
