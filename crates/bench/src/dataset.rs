//! The organizations that are measured, made as event streams that `echelond import` reads.
//!
//! Nothing depends on chance or on a clock: the same size and the same instant give the same bytes.

mod blocker;
mod dice;
mod founding;
mod rules;
mod schedule;
mod stream;
mod tree;
mod words;

use std::{fs::File, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use echelon_domain::{
    BlockerNumber, OrganizationId, Timestamp,
    blocker::{Change, ChangeKind},
    event::{Event, Payload},
};

pub use blocker::{raise_request, raising_team};
pub use tree::{Place, Tier, Tree};

use self::{blocker::Maker, schedule::Schedule, stream::StreamWriter};

/// Blockers that a team of the backlog has open.
pub const OPEN_PER_TEAM: usize = 10;
/// Blockers that it has closed.
const CLOSED_PER_TEAM: usize = 90;
/// Blockers that a team of the morning has open.
pub const MORNING_PER_TEAM: usize = 3;
/// The blockers of an import follow each other at this distance.
const TICK: Duration = Duration::from_micros(1);
/// How long before `now` the import's events begin: a million of them take a second.
const IMPORTED_BEFORE: Duration = Duration::from_secs(2);

/// What an organization is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Two years of work: a hundred blockers per team, ten of them open, nothing due soon.
    Backlog,
    /// Three open blockers per team that wait for meetings, which send everything up.
    Morning,
    /// Ten open blockers per team that all fall due at one instant.
    Timers {
        /// The instant.
        due_at: Timestamp,
    },
}

/// One organization to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Dataset {
    /// What it is for.
    pub scenario: Scenario,
    /// Its tree.
    pub tree: Tree,
    /// The present that its history leads up to.
    pub now: Timestamp,
}

/// What was written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// How many blockers.
    pub blockers: usize,
    /// How many bytes.
    pub bytes: u64,
}

impl Dataset {
    /// The organization's id.
    #[must_use]
    pub const fn organization(&self) -> &'static str {
        match self.scenario {
            Scenario::Backlog => "backlog",
            Scenario::Morning => "morning",
            Scenario::Timers { .. } => "timers",
        }
    }

    /// Resource name of one of its nodes.
    #[must_use]
    pub fn node(&self, place: Place) -> String {
        format!(
            "organizations/{}/nodes/{}",
            self.organization(),
            place.name()
        )
    }

    /// Resource name of the organization.
    #[must_use]
    pub fn name(&self) -> String {
        format!("organizations/{}", self.organization())
    }

    /// Open blockers per team.
    #[must_use]
    pub const fn open_per_team(&self) -> usize {
        match self.scenario {
            Scenario::Morning => MORNING_PER_TEAM,
            Scenario::Backlog | Scenario::Timers { .. } => OPEN_PER_TEAM,
        }
    }

    /// Open blockers in all.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.tree.teams * self.open_per_team()
    }

    /// Blockers in all.
    #[must_use]
    pub const fn blockers(&self) -> usize {
        self.tree.teams * (self.open_per_team() + self.closed_per_team())
    }

    const fn closed_per_team(&self) -> usize {
        match self.scenario {
            Scenario::Backlog => CLOSED_PER_TEAM,
            Scenario::Morning | Scenario::Timers { .. } => 0,
        }
    }

    /// Writes its event stream to a file, without ever having all of it in memory.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<Written> {
        let file =
            File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let id = OrganizationId::new("organization", self.organization())?;
        let mut stream = StreamWriter::begin(file, &id)?;
        let (founded, events) = founding::found(self, &id)?;
        for event in &events {
            stream.event(event)?;
        }
        let maker = Maker::new(self, &founded)?;
        let begun = self.now.minus(IMPORTED_BEFORE);
        let schedule = Schedule::new(
            self.tree.teams,
            self.open_per_team(),
            self.closed_per_team(),
            self.now,
        );
        let mut blockers = 0;
        let mut at = begun.max(founded.time());
        for (number, slot) in (1_i64..).zip(schedule) {
            let (content, status) = maker.make(number, slot)?;
            let nodes = founded.tree().path_up(&content.origin).cloned().collect();
            at = at.plus(TICK);
            stream.event(&Event {
                revision: founded.revision() + number,
                index: 0,
                at,
                actor: None,
                nodes,
                payload: Payload::BlockerChanged(Box::new(Change {
                    number: BlockerNumber::new(number),
                    kind: ChangeKind::Imported,
                    content: Some(content.into()),
                    status,
                })),
            })?;
            blockers += 1;
        }
        Ok(Written {
            blockers,
            bytes: stream.end()?,
        })
    }
}
