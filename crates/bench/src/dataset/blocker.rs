//! One blocker: what people wrote and what the engine knows, as the schedule has it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use echelon_api::v1;
use echelon_domain::{
    NodeId, Organization, Text,
    blocker::{Arrival, Content, EscalationState, Few, Marks, Severity, State, Status},
    escalation,
};

use super::{
    Dataset, Place, Scenario,
    dice::Dice,
    rules::SOON,
    schedule::{STRIDE, Slot},
    words,
};

const SEED: u64 = 0x6563_6865_6c6f_6e21;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Makes the blockers of one organization.
pub(super) struct Maker<'a> {
    dataset: &'a Dataset,
    organization: &'a Organization,
    teams: Vec<NodeId>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(dataset: &'a Dataset, organization: &'a Organization) -> Result<Self> {
        let teams = 0..dataset.tree.teams;
        Ok(Self {
            dataset,
            organization,
            teams: teams
                .map(|team| Place::team(team).id())
                .collect::<Result<_>>()?,
        })
    }

    pub(super) fn make(&self, number: i64, slot: Slot) -> Result<(Content, Status)> {
        let mut dice = Dice::new(SEED, number.unsigned_abs());
        let slot = Slot {
            raised_at: match self.dataset.scenario {
                Scenario::Backlog | Scenario::Morning => slot.raised_at,
                Scenario::Timers { due_at } => due_at.minus(SOON),
            },
            ..slot
        };
        let content = self.content(number, slot, &mut dice);
        let raised = self.raised(&content)?;
        let status = match (self.dataset.scenario, slot.is_open) {
            (Scenario::Backlog, true) => self.open(&content, raised, &mut dice),
            (Scenario::Backlog, false) => self.closed(&content, raised, &mut dice),
            (Scenario::Morning | Scenario::Timers { .. }, _) => raised,
        };
        Ok((content, status))
    }

    fn content(&self, number: i64, slot: Slot, dice: &mut Dice) -> Content {
        let origin = self.teams[slot.team].clone();
        let mut labels = BTreeMap::new();
        if dice.in_thousand(100) {
            labels.insert("increment".to_owned(), format!("pi-{}", dice.below(8) + 1));
            labels.insert("product".to_owned(), format!("p{:02}", dice.below(40)));
        }
        Content {
            title: words::title(dice).into(),
            description: words::description(dice).into(),
            severity: match dice.below(100) {
                0..35 => Severity::Low,
                35..75 => Severity::Medium,
                75..95 => Severity::High,
                _ => Severity::Critical,
            },
            category: (*dice.pick(&words::CATEGORIES)).into(),
            blocked_nodes: [origin.clone()].into(),
            causing_nodes: if dice.in_thousand(50) {
                [dice.pick(&self.teams).clone()].into_iter().collect()
            } else {
                Few::NONE
            },
            due_at: dice
                .in_thousand(333)
                .then(|| slot.raised_at.plus(DAY * days(dice, 3, 60))),
            labels: labels.into(),
            external_reference: if dice.in_thousand(250) {
                format!("https://tracker.example.com/browse/OPS-{number}").into()
            } else {
                Text::EMPTY
            },
            dedupe_key: if dice.in_thousand(200) {
                format!("tracker-{number}").into()
            } else {
                Text::EMPTY
            },
            reporter: dice
                .in_thousand(900)
                .then(|| "scrum-master@example.com".into()),
            raised_at: slot.raised_at,
            origin,
        }
    }

    /// As it was when its origin raised it.
    fn raised(&self, content: &Content) -> Result<Status> {
        let (policy, policy_version) = escalation::in_force(self.organization, &content.origin)?;
        let at = content.raised_at;
        let unarmed = Status {
            state: State::Raised,
            escalation: EscalationState::Closed,
            holder: content.origin.clone(),
            arrival: Arrival::Raised,
            episode: 1,
            episode_at: at,
            owner: None,
            committed_at: None,
            acknowledged_until: None,
            held_until: None,
            hold_approver: None,
            resolution: Text::EMPTY,
            merged_into: None,
            guidance: Text::EMPTY,
            escalations: 0,
            meetings_survived: 0,
            policy,
            policy_version,
            level_entered_at: at,
            progressed_at: at,
            closed_at: None,
            timer_at: None,
            owner_required: false,
            marks: Marks::NONE,
        };
        Ok(escalation::arrive(
            self.organization,
            content,
            &unarmed,
            &content.origin,
            Arrival::Raised,
            at,
        ))
    }

    /// So many levels up, one after the other, as time went by.
    fn carried(
        &self,
        content: &Content,
        mut status: Status,
        levels: usize,
        step: Duration,
    ) -> Status {
        let above: Vec<NodeId> = self
            .organization
            .tree()
            .path_up(&content.origin)
            .skip(1)
            .take(levels)
            .cloned()
            .collect();
        for holder in &above {
            let at = status.level_entered_at.plus(step);
            status = escalation::arrive(
                self.organization,
                content,
                &status,
                holder,
                Arrival::Escalated,
                at,
            );
        }
        status
    }

    /// Open: most at the team, a fifth at its Scrum of Scrums, fewer above; a few acknowledged, on hold, owned.
    fn open(&self, content: &Content, raised: Status, dice: &mut Dice) -> Status {
        let now = self.dataset.now;
        let levels = match dice.below(1_000) {
            0..710 => 0,
            710..910 => 1,
            910..980 => 2,
            980..995 => 3,
            _ => 4,
        };
        let step = now.since(content.raised_at) / 8;
        let mut status = self.carried(content, raised, levels, step);
        status.meetings_survived = i32::from(dice.in_thousand(300));
        let since = status.level_entered_at.plus(step);
        match dice.below(1_000) {
            0..180 => {
                escalation::progress(self.organization, &mut status, since);
                status.state = State::Owned;
                status.owner = Some((*dice.pick(&words::OWNERS)).into());
                status.committed_at = dice
                    .in_thousand(600)
                    .then(|| now.plus(HOUR * days(dice, 1, 600)));
            }
            180..220 => {
                escalation::progress(self.organization, &mut status, since);
                status.state = State::Acknowledged;
                status.acknowledged_until = Some(now.plus(DAY * days(dice, 10, 28)));
            }
            220..245 => {
                escalation::progress(self.organization, &mut status, since);
                status.state = State::OnHold;
                status.held_until = Some(now.plus(DAY * days(dice, 10, 28)));
                status.hold_approver = Some("rte@example.com".into());
                status.resolution = "waits for the next budget round".into();
            }
            _ if levels == 4 && dice.in_thousand(500) => {
                status.escalation = EscalationState::Exhausted;
            }
            _ => {}
        }
        escalation::arm(self.organization, content, &mut status);
        status
    }

    /// Solved within three weeks, and verified.
    fn closed(&self, content: &Content, raised: Status, dice: &mut Dice) -> Status {
        let lived = self.dataset.now.since(content.raised_at);
        let lived = lived.min(HOUR * days(dice, 4, 500));
        let levels = match dice.below(100) {
            0..70 => 0,
            70..93 => 1,
            _ => 2,
        };
        let closed_at = content.raised_at.plus(lived.mul_f64(0.9));
        let mut status = self.carried(content, raised, levels, lived / 8);
        escalation::progress(self.organization, &mut status, closed_at);
        status.state = State::Verified;
        status.owner = Some((*dice.pick(&words::OWNERS)).into());
        status.closed_at = Some(closed_at);
        status.resolution = "the access was granted and the tests are green".into();
        escalation::arm(self.organization, content, &mut status);
        status
    }
}

/// A number of days, or of hours, from and below.
fn days(dice: &mut Dice, from: u64, below: u64) -> u32 {
    u32::try_from(from + dice.below(below - from)).unwrap_or(u32::MAX)
}

/// The request that raises the next blocker: each another one, of another team, with a `request_id` of its own.
#[must_use]
pub fn raise_request(dataset: &Dataset, run: &str, number: u64) -> v1::RaiseBlockerRequest {
    let mut dice = Dice::new(SEED ^ 0x7261_6973_6521, number);
    v1::RaiseBlockerRequest {
        parent: dataset.name(),
        blocker: Some(v1::Blocker {
            origin: dataset.node(raising_team(dataset, number)),
            title: format!("{} ({number})", words::title(&mut dice)),
            description: words::description(&mut dice),
            severity: v1::Severity::Medium.into(),
            category: (*dice.pick(&words::CATEGORIES)).to_owned(),
            ..v1::Blocker::default()
        }),
        anonymous: false,
        request_id: format!("{run}-{number}"),
    }
}

/// Which team raises the blocker of [`raise_request`].
#[must_use]
pub fn raising_team(dataset: &Dataset, number: u64) -> Place {
    let teams = dataset.tree.teams;
    let turn = usize::try_from(number % teams as u64).unwrap_or(0);
    Place::team(turn * STRIDE % teams)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Tree, founding, schedule::Schedule};
    use echelon_domain::{OrganizationId, Timestamp};

    #[test]
    fn every_blocker_is_as_the_engine_would_have_it_and_nothing_falls_due() {
        let dataset = Dataset {
            scenario: Scenario::Backlog,
            tree: Tree::of(100),
            now: Timestamp::from_micros(1_800_000_000_000_000),
        };
        let id = OrganizationId::new("organization", dataset.organization()).unwrap();
        let (organization, _) = founding::found(&dataset, &id).unwrap();
        let maker = Maker::new(&dataset, &organization).unwrap();
        let mut states = BTreeMap::new();
        for (number, slot) in (1..).zip(Schedule::new(100, 10, 90, dataset.now)) {
            let (content, status) = maker.make(number, slot).unwrap();
            let mut armed = status.clone();
            escalation::arm(&organization, &content, &mut armed);
            assert_eq!(armed, status, "{number}");
            let soon = dataset.now.plus(DAY);
            assert!(status.timer_at.is_none_or(|at| at > soon), "{number}");
            *states.entry(status.escalation.as_str()).or_insert(0) += 1;
        }
        assert_eq!(states.len(), EscalationState::ALL.len(), "{states:?}");
    }
}
