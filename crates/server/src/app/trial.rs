//! Trying a policy on a blocker.

use echelon_domain::{
    BlockerNumber, Error, OrganizationId, PolicyId,
    policy::{Rule, Version, check_rules},
    trial::{self, Description},
};

use super::App;

/// Id of rules that are not saved.
const UNSAVED: &str = "unsaved";

/// What to try.
#[derive(Clone, Debug)]
pub enum Rules {
    /// A saved policy, and which version of it; none: the newest.
    Saved(PolicyId, Option<i64>),
    /// Rules that are not saved.
    Unsaved(Vec<Rule>),
}

/// What to try it on.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An existing blocker.
    Existing(BlockerNumber),
    /// A described one.
    Described(Box<Description>),
}

/// What came of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What the rules make of the blocker.
    pub trial: trial::Trial,
    /// Revision it was tried at.
    pub revision: i64,
}

impl App {
    /// Tries rules on a blocker, as of at least a revision; changes nothing. Errors: [`Error::Invalid`] for rules that do
    /// not compile, and as [`App::snapshot_for`].
    pub async fn try_policy(
        &self,
        id: &OrganizationId,
        min_revision: i64,
        rules: Rules,
        subject: Subject,
    ) -> Result<Trial, Error> {
        let snapshot = self.snapshot_for(id, min_revision).await?;
        let now = self.time(&snapshot);
        let version = match rules {
            Rules::Saved(policy, number) => {
                let number = match number {
                    Some(number) => number,
                    None => snapshot.policy(&policy)?.latest,
                };
                snapshot.version(&policy, number)?.version.clone()
            }
            Rules::Unsaved(rules) => {
                check_rules("rules.rules", &rules)?;
                Version {
                    policy: PolicyId::new("policy", UNSAVED)?,
                    number: 1,
                    rules,
                    author: None,
                    created_at: now,
                }
            }
        };
        let blocker = match subject {
            Subject::Existing(number) => {
                self.blocker_beside(snapshot.clone(), number).await?.blocker
            }
            Subject::Described(description) => {
                trial::described(&snapshot, &description, now)?.into()
            }
        };
        Ok(Trial {
            trial: trial::trial(&snapshot, version, &blocker, now),
            revision: snapshot.revision(),
        })
    }
}
