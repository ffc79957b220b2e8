//! What the workers cannot do for a fault of its own: a blocker whose timer fails whenever it passes, or an organization
//! that cannot be loaded. It is set apart and tried again by and by, so that it holds up nobody else, and it is shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use echelon_domain::{BlockerNumber, Error, OrganizationId};
use tokio::time::Instant;

/// Wait before what failed is tried again, doubled from failure to failure up to a bound.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Something that is stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The organization.
    pub organization: OrganizationId,
    /// The blocker whose timer fails; none if nothing of the organization can be done.
    pub blocker: Option<BlockerNumber>,
    /// Why, as it failed last.
    pub cause: String,
}

type Key = (OrganizationId, Option<BlockerNumber>);

/// All that is stuck on this replica.
#[derive(Debug, Default)]
pub(super) struct Ward {
    stuck: Mutex<BTreeMap<Key, Case>>,
}

#[derive(Debug)]
struct Case {
    cause: String,
    failures: u32,
    again_at: Instant,
}

impl Ward {
    /// Sets something apart that failed, for a while.
    pub(super) fn set_apart(
        &self,
        id: &OrganizationId,
        blocker: Option<BlockerNumber>,
        error: &Error,
        now: Instant,
    ) {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = stuck
            .get(&(id.clone(), blocker))
            .map_or(0, |case| case.failures);
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures));
        let case = Case {
            cause: error.to_string(),
            failures: failures.saturating_add(1),
            again_at: now + wait.min(LONGEST_WAIT),
        };
        if failures == 0 {
            let blocker = blocker.map(|number| number.to_string());
            tracing::error!(
                organization.id = %id,
                blocker.id = blocker,
                %error,
                "timers are stuck and are tried again by and by, others go on: see to the cause"
            );
        }
        stuck.insert((id.clone(), blocker), case);
    }

    /// Blockers that are not to be tried now.
    pub(super) fn apart(&self, id: &OrganizationId, now: Instant) -> BTreeSet<BlockerNumber> {
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        stuck
            .iter()
            .filter(|((of, _), case)| of == id && case.again_at > now)
            .filter_map(|((_, blocker), _)| *blocker)
            .collect()
    }

    /// True if the organization as a whole is not to be tried now.
    pub(super) fn rests(&self, id: &OrganizationId, now: Instant) -> bool {
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        let case = stuck.get(&(id.clone(), None));
        case.is_some_and(|case| case.again_at > now)
    }

    /// Lets go of what is not stuck any more: of the organization as a whole, and of blockers that `goes_on` is true of.
    pub(super) fn release(&self, id: &OrganizationId, goes_on: impl Fn(BlockerNumber) -> bool) {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.retain(|(of, blocker), _| {
            let released = of == id && blocker.is_none_or(&goes_on);
            if released {
                let blocker = blocker.map(|number| number.to_string());
                tracing::info!(organization.id = %id, blocker.id = blocker, "timers are not stuck any more");
            }
            !released
        });
    }

    /// All that is stuck.
    pub(super) fn list(&self) -> Vec<Stuck> {
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        let all = stuck.iter().map(|((organization, blocker), case)| Stuck {
            organization: organization.clone(),
            blocker: *blocker,
            cause: case.cause.clone(),
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stuck_is_tried_again_ever_more_seldom_until_it_goes_on() {
        let ward = Ward::default();
        let id = OrganizationId::new("organization", "acme").unwrap();
        let (number, fault) = (BlockerNumber::new(7), Error::internal("a fault"));
        let mut now = Instant::now();
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            ward.set_apart(&id, Some(number), &fault, now);
            now += Duration::from_secs(wait);
            let before = now - Duration::from_millis(1);
            assert_eq!(ward.apart(&id, before), BTreeSet::from([number]));
            assert!(ward.apart(&id, now).is_empty());
        }
        ward.set_apart(&id, None, &fault, now);
        assert!(ward.rests(&id, now));
        assert_eq!(ward.list().len(), 2);
        ward.release(&id, |_| false);
        assert!(!ward.rests(&id, now));
        assert_eq!(ward.list()[0].blocker, Some(number));
        ward.release(&id, |_| true);
        assert!(ward.list().is_empty());
    }
}
