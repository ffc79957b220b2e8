//! Checks of rules when a policy is saved.

use std::time::Duration;

use super::{Action, Late, Rule, Trigger, condition::Condition};
use crate::{
    error::{Error, FieldError, InvalidReason},
    text::{self, NOTE_MAX},
};

const RULES_MAX: usize = 50;
const NAME_MAX: usize = 63;
const ROLES_MAX: usize = 20;
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Checks the rules given in `field`; every fault is named. Errors: [`Error::Invalid`].
pub fn check_rules(field: &str, rules: &[Rule]) -> Result<(), Error> {
    let mut faults = Vec::new();
    let mut reason = InvalidReason::Field;
    if rules.is_empty() || rules.len() > RULES_MAX {
        faults.push(FieldError::new(
            field,
            format!("has {} rules: write 1 to {RULES_MAX}", rules.len()),
        ));
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = format!("{field}[{index}]");
        let shown: String = rule.name.chars().take(80).collect();
        let Rule {
            name,
            when,
            trigger,
            action,
            late,
        } = rule;
        if !is_name(name) {
            faults.push(FieldError::new(
                format!("{at}.name"),
                format!("`{shown}` is no rule name: use 1–{NAME_MAX} characters of a-z, 0-9 and -"),
            ));
        }
        if rules[..index].iter().any(|other| other.name == *name) {
            faults.push(FieldError::new(
                format!("{at}.name"),
                format!("`{shown}` is the name of an earlier rule: choose another"),
            ));
        }
        if let Err(error) = Condition::compile(when) {
            reason = InvalidReason::Condition;
            faults.push(FieldError::new(
                format!("{at}.when"),
                format!("rule `{shown}`, column {}: {}", error.column, error.message),
            ));
        }
        match trigger {
            Trigger::After { duration, .. } if *duration > DURATION_MAX => {
                faults.push(FieldError::new(
                    format!("{at}.trigger.after.duration"),
                    "must be 0 to 366 days",
                ));
            }
            Trigger::After { .. } => {}
            Trigger::Raised | Trigger::MeetingClosed | Trigger::Changed => {
                if *late != Late::Fire {
                    faults.push(FieldError::new(
                        format!("{at}.late"),
                        "only a rule with an `after` trigger can be late: leave it out",
                    ));
                }
            }
        }
        if let Action::Notify { roles, message } = action {
            faults.extend(check_notify(&at, roles, message));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid {
            reason,
            fields: faults,
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn check_notify(at: &str, roles: &[String], message: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let field = format!("{at}.action.notify.roles");
    if roles.is_empty() || roles.len() > ROLES_MAX {
        faults.push(FieldError::new(
            &field,
            format!("has {} roles: name 1 to {ROLES_MAX}", roles.len()),
        ));
    }
    let bad = roles
        .iter()
        .filter_map(|role| text::constant(&field, role).err());
    let message = text::body(&format!("{at}.action.notify.message"), message, NOTE_MAX).err();
    for error in bad.chain(message) {
        if let Error::Invalid { fields, .. } = error {
            faults.extend(fields);
        }
    }
    faults
}
