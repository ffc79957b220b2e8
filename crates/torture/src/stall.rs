//! Whether the machine runs at all: where it gives this process next to nothing, servers get as little, and no timer can be
//! on time.

use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    record::{Excuse, Spell, fingerprint},
    site::{Site, machine_us},
};

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// The machine stood still if a look comes so much late.
const STALL: Duration = Duration::from_millis(250);
/// It starves if a piece of work takes so many times as long as it can.
const STARVED: u32 = 8;
/// What the piece of work hashes.
static WORK: [u8; 256 * 1024] = [7; 256 * 1024];

/// Notes when this process was kept from running although it was its turn, until nobody else knows the site any more.
pub(crate) fn watch(site: &Arc<Site>) {
    let site = Arc::downgrade(site);
    thread::spawn(move || {
        let mut best = Duration::MAX;
        loop {
            let (began, began_us) = (Instant::now(), machine_us());
            thread::sleep(LOOK);
            let woken = Instant::now();
            // A machine that was suspended may tell so by one of its clocks alone.
            let jumped = machine_us().saturating_sub(began_us).unsigned_abs();
            let slept = (woken - began).max(Duration::from_micros(jumped));
            black_box(fingerprint(black_box(&WORK)));
            let worked = woken.elapsed();
            best = best.min(worked);
            let Some(site) = site.upgrade() else {
                return;
            };
            let stalled = slept > LOOK + STALL;
            if stalled || worked > best * STARVED {
                site.stall(
                    slept + worked,
                    Spell {
                        name: if stalled {
                            "machine stalled"
                        } else {
                            "machine starved"
                        }
                        .to_owned(),
                        began_us,
                        ended_us: machine_us(),
                        excuse: Excuse::Everything,
                    },
                );
            }
        }
    });
}

/// How long something may take on a machine that runs.
pub(crate) struct Patience {
    within: Duration,
    began: Instant,
    stalled: Duration,
}

impl Patience {
    /// From now on.
    pub(crate) fn new(site: &Site, within: Duration) -> Self {
        Self {
            within,
            began: Instant::now(),
            stalled: site.stalled(),
        }
    }

    /// Whether it is at an end. What the machine did not run does not count.
    pub(crate) fn is_over(&self, site: &Site) -> bool {
        let stalled = site.stalled().saturating_sub(self.stalled);
        self.began.elapsed().saturating_sub(stalled) > self.within
    }
}
