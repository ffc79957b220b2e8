//! The organization that is attacked: its tree, and the policies that it may be given.

use echelon_api::v1::{self, action, trigger};

use super::Dice;

/// The organization's id.
pub const ORGANIZATION: &str = "torture";
/// The policy that every organization comes with.
pub const DEFAULT_POLICY: &str = "default";
/// How many sets of rules there are to choose from.
pub const VARIANTS: u64 = 6;

/// One node as declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// The id of its parent; empty for the root.
    pub parent: String,
    /// Its level.
    pub level: &'static str,
}

/// A tree of four levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Every node, parents first.
    pub places: Vec<Place>,
}

impl Shape {
    /// The tree of a seed: two or three trains, each with two or three Scrums of Scrums of two or three teams.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, &[u64::from_be_bytes(*b"the tree")]);
        let mut places = vec![Place {
            id: "root".to_owned(),
            parent: String::new(),
            level: "PORTFOLIO",
        }];
        for train in 0..dice.between(2, 4) {
            let train = format!("train-{train}");
            places.push(Place {
                id: train.clone(),
                parent: "root".to_owned(),
                level: "TRAIN",
            });
            for scrum in 0..dice.between(2, 4) {
                let scrum = format!("{train}-sos-{scrum}");
                places.push(Place {
                    id: scrum.clone(),
                    parent: train.clone(),
                    level: "SOS",
                });
                for team in 0..dice.between(2, 4) {
                    places.push(Place {
                        id: format!("{scrum}-team-{team}"),
                        parent: scrum.clone(),
                        level: "TEAM",
                    });
                }
            }
        }
        Self { places }
    }

    /// The ids of one level.
    #[must_use]
    pub fn of_level(&self, level: &str) -> Vec<&str> {
        let of_level = self.places.iter().filter(|place| place.level == level);
        of_level.map(|place| place.id.as_str()).collect()
    }

    /// The whole tree, as it is applied.
    #[must_use]
    pub fn declarations(&self) -> Vec<v1::NodeDeclaration> {
        let declared = self.places.iter().map(|place| v1::NodeDeclaration {
            id: place.id.clone(),
            parent: place.parent.clone(),
            level: place.level.to_owned(),
            ..v1::NodeDeclaration::default()
        });
        declared.collect()
    }
}

/// A set of rules. All have timers of seconds, so that many are due within minutes; they differ in what they carry up,
/// how fast, how far, and in what they do when late.
#[must_use]
pub fn rules(variant: u64) -> Vec<v1::EscalationRule> {
    use action::Kind as Act;
    use trigger::Kind as On;
    let parent = Act::EscalateToParent(action::EscalateToParent {});
    let closed = On::MeetingClosed(trigger::MeetingClosed {});
    let meeting = rule(
        "meeting",
        "height <= 1 && !on_track",
        closed,
        parent.clone(),
    );
    let critical = rule(
        "critical",
        "severity == \"CRITICAL\" && !on_track",
        On::Raised(trigger::Raised {}),
        parent.clone(),
    );
    let slow = |millis| rule("unsolved", "!on_track", after(millis), parent.clone());
    match variant % VARIANTS {
        0 => vec![critical, meeting, slow(2_000)],
        1 => vec![critical, meeting, slow(4_500)],
        2 => vec![
            meeting,
            late(
                rule("hurry", "severity_rank >= 3", after(1_000), parent.clone()),
                v1::LateMode::Skip,
            ),
            slow(6_000),
        ],
        3 => vec![
            late(
                rule("anew", "!owned", after(2_500), parent.clone()),
                v1::LateMode::Restart,
            ),
            rule(
                "owner",
                "severity_rank >= 2",
                after(1_500),
                Act::RequireOwner(action::RequireOwner {}),
            ),
            meeting,
        ],
        4 => vec![
            rule(
                "tell",
                "",
                after(1_000),
                Act::Notify(action::Notify {
                    roles: vec!["RTE".to_owned()],
                    message: "look".to_owned(),
                }),
            ),
            rule(
                "to-train",
                "severity_rank >= 3",
                after(3_000),
                Act::EscalateToLevel(action::EscalateToLevel {
                    level: "TRAIN".to_owned(),
                }),
            ),
            meeting,
            slow(5_000),
        ],
        _ => vec![
            rule(
                "edited",
                "severity == \"CRITICAL\"",
                On::Changed(trigger::Changed {}),
                Act::EscalateToRoot(action::EscalateToRoot {}),
            ),
            rule(
                "between",
                "",
                after(3_500),
                Act::EscalateToCommonAncestor(action::EscalateToCommonAncestor {}),
            ),
            meeting,
        ],
    }
}

fn rule(name: &str, when: &str, on: trigger::Kind, act: action::Kind) -> v1::EscalationRule {
    v1::EscalationRule {
        name: name.to_owned(),
        when: when.to_owned(),
        trigger: Some(v1::Trigger { kind: Some(on) }),
        action: Some(v1::Action { kind: Some(act) }),
        late: 0,
    }
}

fn late(rule: v1::EscalationRule, late: v1::LateMode) -> v1::EscalationRule {
    v1::EscalationRule {
        late: late.into(),
        ..rule
    }
}

fn after(millis: i64) -> trigger::Kind {
    trigger::Kind::After(trigger::After {
        duration: Some(prost_types::Duration {
            seconds: millis / 1000,
            nanos: i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000,
        }),
        since: v1::ClockBase::Progress.into(),
    })
}
