//! The tree: teams, Scrums of Scrums, trains, solutions and one portfolio.

use anyhow::Result;
use echelon_domain::{NodeId, node::Level};

/// How many nodes there are on each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Teams.
    pub teams: usize,
    /// Scrums of Scrums, of five teams each.
    pub scrums: usize,
    /// Trains, of five Scrums of Scrums each.
    pub trains: usize,
    /// Solutions, of twenty trains each.
    pub solutions: usize,
}

/// A level, from the teams up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// A team.
    Team,
    /// A Scrum of Scrums.
    Scrum,
    /// A train.
    Train,
    /// A solution.
    Solution,
    /// The root.
    Portfolio,
}

impl Tier {
    /// Every level, from the teams up.
    pub const ALL: [Self; 5] = [
        Self::Team,
        Self::Scrum,
        Self::Train,
        Self::Solution,
        Self::Portfolio,
    ];

    /// The level's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Team => "TEAM",
            Self::Scrum => "SOS",
            Self::Train => "TRAIN",
            Self::Solution => "SOLUTION",
            Self::Portfolio => "PORTFOLIO",
        }
    }

    const fn above(self) -> Option<Self> {
        match self {
            Self::Team => Some(Self::Scrum),
            Self::Scrum => Some(Self::Train),
            Self::Train => Some(Self::Solution),
            Self::Solution => Some(Self::Portfolio),
            Self::Portfolio => None,
        }
    }
}

/// A node by its level and its place on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its level.
    pub tier: Tier,
    /// Its place on the level, from 0.
    pub index: usize,
}

impl Place {
    /// A team.
    #[must_use]
    pub const fn team(index: usize) -> Self {
        Self {
            tier: Tier::Team,
            index,
        }
    }

    /// The root.
    #[must_use]
    pub const fn root() -> Self {
        Self {
            tier: Tier::Portfolio,
            index: 0,
        }
    }

    /// Its id as text.
    #[must_use]
    pub fn name(self) -> String {
        let index = self.index;
        match self.tier {
            Tier::Team => format!("team-{index:05}"),
            Tier::Scrum => format!("sos-{index:04}"),
            Tier::Train => format!("train-{index:03}"),
            Tier::Solution => format!("solution-{index:02}"),
            Tier::Portfolio => "portfolio".to_owned(),
        }
    }

    pub(crate) fn id(self) -> Result<NodeId> {
        Ok(NodeId::new("node", &self.name())?)
    }

    pub(crate) fn level(self) -> Result<Level> {
        Ok(Level::new("level", self.tier.label())?)
    }
}

impl Tree {
    /// The tree above so many teams.
    #[must_use]
    pub const fn of(teams: usize) -> Self {
        Self {
            teams,
            scrums: teams.div_ceil(5),
            trains: teams.div_ceil(25),
            solutions: teams.div_ceil(500),
        }
    }

    /// How many nodes there are on a level.
    #[must_use]
    pub const fn count(self, tier: Tier) -> usize {
        match tier {
            Tier::Team => self.teams,
            Tier::Scrum => self.scrums,
            Tier::Train => self.trains,
            Tier::Solution => self.solutions,
            Tier::Portfolio => 1,
        }
    }

    /// The nodes of a level.
    pub fn places(self, tier: Tier) -> impl Iterator<Item = Place> {
        (0..self.count(tier)).map(move |index| Place { tier, index })
    }

    /// The parent of a node; none for the root.
    #[must_use]
    pub fn parent(self, place: Place) -> Option<Place> {
        let tier = place.tier.above()?;
        let index = match tier {
            Tier::Portfolio => 0,
            Tier::Solution => place.index / 20,
            Tier::Train | Tier::Scrum | Tier::Team => place.index / 5,
        };
        Some(Place { tier, index })
    }

    /// A node and all above it, nearest first.
    pub fn path_up(self, place: Place) -> impl Iterator<Item = Place> {
        std::iter::successors(Some(place), move |step| self.parent(*step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_is_a_node_and_every_node_but_a_team_has_children() {
        for teams in [100, 1_000, 10_000] {
            let tree = Tree::of(teams);
            for pair in Tier::ALL.windows(2) {
                let mut parents: Vec<usize> = tree
                    .places(pair[0])
                    .filter_map(|place| tree.parent(place))
                    .map(|parent| parent.index)
                    .collect();
                parents.dedup();
                let all: Vec<usize> = (0..tree.count(pair[1])).collect();
                assert_eq!(parents, all, "{teams} teams, {:?}", pair[1]);
            }
        }
        assert_eq!(Tree::of(10_000).count(Tier::Solution), 20);
    }
}
