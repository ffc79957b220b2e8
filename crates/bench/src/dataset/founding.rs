//! The events that found an organization: itself, its nodes and its policies, decided as the server decides them.

use std::time::Duration;

use anyhow::Result;
use echelon_domain::{
    Organization, OrganizationId, PolicyId, RequestId, Timestamp,
    command::{Command, Context},
    decide::decide,
    event::Event,
    profile::SettingsPatch,
};

use super::{Dataset, Place, Scenario, Tier, rules, schedule::HISTORY};

/// Commands follow each other at this distance.
const STEP: Duration = Duration::from_millis(100);
/// Of so many trains one leaves everything to its meetings.
const BY_MEETING: usize = 3;

/// The organization before its first blocker, and the events that led to it.
pub(super) fn found(dataset: &Dataset, id: &OrganizationId) -> Result<(Organization, Vec<Event>)> {
    let mut founding = Founding {
        organization: Organization::empty(id.clone()),
        events: Vec::new(),
        now: dataset.now.minus(HISTORY),
    };
    founding.take(Command::CreateOrganization {
        display_name: format!("Benchmark: {}", dataset.organization()),
        settings: SettingsPatch::default(),
        root: Place::root().id()?,
        root_level: Place::root().level()?,
    })?;
    founding.take(Command::UpdatePolicy {
        id: PolicyId::new("policy", "default")?,
        display_name: None,
        rules: Some(rules::at_root(dataset.scenario)),
        etag: None,
    })?;
    for tier in Tier::ALL.into_iter().rev() {
        for place in dataset.tree.places(tier) {
            if let Some(parent) = dataset.tree.parent(place) {
                founding.take(Command::CreateNode {
                    id: place.id()?,
                    parent: parent.id()?,
                    level: place.level()?,
                    display_name: Some(format!("{} {}", tier.label(), place.index + 1)),
                    representatives: Vec::new(),
                })?;
            }
        }
    }
    if dataset.scenario == Scenario::Backlog {
        for train in dataset.tree.places(Tier::Train).step_by(BY_MEETING) {
            founding.take(Command::CreatePolicy {
                id: PolicyId::new("policy", &format!("meetings-of-{}", train.name()))?,
                node: train.id()?,
                display_name: None,
                rules: rules::by_meeting(),
            })?;
        }
    }
    Ok((founding.organization, founding.events))
}

struct Founding {
    organization: Organization,
    events: Vec<Event>,
    now: Timestamp,
}

impl Founding {
    fn take(&mut self, command: Command) -> Result<()> {
        self.now = self.now.plus(STEP);
        let context = Context {
            now: self.now,
            actor: Some("rte@example.com".to_owned()),
            request: RequestId::new("request_id", &format!("found-{}", self.events.len()))?,
        };
        let decision = decide(&self.organization, &command, &context)?;
        self.organization = decision.next;
        self.events.extend(decision.events);
        Ok(())
    }
}
