//! Rules in the column `rules`.

use std::time::Duration;

use echelon_domain::{
    node::Level,
    policy::{Action, ClockBase, Late, Rule, Trigger},
};
use serde::{Deserialize, Serialize};

use crate::{error::StoreError, row::Row};

/// An entry of the column `rules`.
#[derive(Serialize, Deserialize)]
pub(super) struct RuleJson {
    name: String,
    when: String,
    trigger: TriggerJson,
    action: ActionJson,
    late: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TriggerJson {
    Raised,
    MeetingClosed,
    /// To the nanosecond: what was saved comes back as it was.
    After {
        duration: Duration,
        since: String,
    },
    Changed,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionJson {
    EscalateToParent,
    EscalateToLevel(String),
    EscalateToCommonAncestor,
    EscalateToRoot,
    RequireOwner,
    Notify { roles: Vec<String>, message: String },
}

impl RuleJson {
    pub(super) fn of(rule: &Rule) -> Self {
        let Rule {
            name,
            when,
            trigger,
            action,
            late,
        } = rule;
        Self {
            name: name.clone(),
            when: when.clone(),
            trigger: match trigger {
                Trigger::Raised => TriggerJson::Raised,
                Trigger::MeetingClosed => TriggerJson::MeetingClosed,
                Trigger::After { duration, since } => TriggerJson::After {
                    duration: *duration,
                    since: since.as_str().to_owned(),
                },
                Trigger::Changed => TriggerJson::Changed,
            },
            action: match action {
                Action::EscalateToParent => ActionJson::EscalateToParent,
                Action::EscalateToLevel(level) => {
                    ActionJson::EscalateToLevel(level.as_str().to_owned())
                }
                Action::EscalateToCommonAncestor => ActionJson::EscalateToCommonAncestor,
                Action::EscalateToRoot => ActionJson::EscalateToRoot,
                Action::RequireOwner => ActionJson::RequireOwner,
                Action::Notify { roles, message } => ActionJson::Notify {
                    roles: roles.clone(),
                    message: message.clone(),
                },
            },
            late: late.as_str().to_owned(),
        }
    }

    pub(super) fn into_rule(self, row: &Row) -> Result<Rule, StoreError> {
        let Self {
            name,
            when,
            trigger,
            action,
            late,
        } = self;
        Ok(Rule {
            name,
            when,
            trigger: match trigger {
                TriggerJson::Raised => Trigger::Raised,
                TriggerJson::MeetingClosed => Trigger::MeetingClosed,
                TriggerJson::After { duration, since } => Trigger::After {
                    duration,
                    since: row.named("rules", &ClockBase::ALL, ClockBase::as_str, &since)?,
                },
                TriggerJson::Changed => Trigger::Changed,
            },
            action: match action {
                ActionJson::EscalateToParent => Action::EscalateToParent,
                ActionJson::EscalateToLevel(level) => {
                    Action::EscalateToLevel(row.checked("rules", Level::new("level", &level))?)
                }
                ActionJson::EscalateToCommonAncestor => Action::EscalateToCommonAncestor,
                ActionJson::EscalateToRoot => Action::EscalateToRoot,
                ActionJson::RequireOwner => Action::RequireOwner,
                ActionJson::Notify { roles, message } => Action::Notify { roles, message },
            },
            late: row.named("rules", &Late::ALL, Late::as_str, &late)?,
        })
    }
}
