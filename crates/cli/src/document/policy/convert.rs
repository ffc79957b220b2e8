//! Rules of the document from and to those of the API.

use echelon_client::v1;

use super::{
    Action, ActionWord, After, FullAction, Late, Notify, Rule, Since, Trigger, TriggerWord,
};
use crate::document::Span;

pub(super) fn rule_to_proto(rule: Rule) -> v1::EscalationRule {
    use v1::{action, trigger};

    let Rule {
        name,
        when,
        on,
        action,
        late,
    } = rule;
    let trigger = match on {
        Trigger::Word(TriggerWord::Raised) => trigger::Kind::Raised(trigger::Raised {}),
        Trigger::Word(TriggerWord::MeetingClosed) => {
            trigger::Kind::MeetingClosed(trigger::MeetingClosed {})
        }
        Trigger::Word(TriggerWord::Changed) => trigger::Kind::Changed(trigger::Changed {}),
        Trigger::After(After { after, since }) => trigger::Kind::After(trigger::After {
            duration: Some(after.to_proto()),
            since: since_to_proto(since).into(),
        }),
    };
    let action = match action {
        Action::Word(ActionWord::EscalateToParent) => {
            action::Kind::EscalateToParent(action::EscalateToParent {})
        }
        Action::Word(ActionWord::EscalateToCommonAncestor) => {
            action::Kind::EscalateToCommonAncestor(action::EscalateToCommonAncestor {})
        }
        Action::Word(ActionWord::EscalateToRoot) => {
            action::Kind::EscalateToRoot(action::EscalateToRoot {})
        }
        Action::Word(ActionWord::RequireOwner) => {
            action::Kind::RequireOwner(action::RequireOwner {})
        }
        Action::Full(FullAction::EscalateToLevel(level)) => {
            action::Kind::EscalateToLevel(action::EscalateToLevel { level })
        }
        Action::Full(FullAction::Notify(Notify { roles, message })) => {
            action::Kind::Notify(action::Notify { roles, message })
        }
    };
    let late = match late {
        Late::Fire => v1::LateMode::Fire,
        Late::Skip => v1::LateMode::Skip,
        Late::Restart => v1::LateMode::Restart,
    };
    v1::EscalationRule {
        name,
        when,
        trigger: Some(v1::Trigger {
            kind: Some(trigger),
        }),
        action: Some(v1::Action { kind: Some(action) }),
        late: late.into(),
    }
}

pub(super) fn rule_from_proto(rule: &v1::EscalationRule) -> Option<Rule> {
    use v1::{action, trigger};

    let on = match rule.trigger.as_ref()?.kind.as_ref()? {
        trigger::Kind::Raised(trigger::Raised {}) => Trigger::Word(TriggerWord::Raised),
        trigger::Kind::MeetingClosed(trigger::MeetingClosed {}) => {
            Trigger::Word(TriggerWord::MeetingClosed)
        }
        trigger::Kind::Changed(trigger::Changed {}) => Trigger::Word(TriggerWord::Changed),
        trigger::Kind::After(after) => Trigger::After(After {
            after: Span(after.duration.unwrap_or_default().try_into().ok()?),
            since: since_from_proto(after.since()),
        }),
    };
    let action = match rule.action.as_ref()?.kind.as_ref()? {
        action::Kind::EscalateToParent(action::EscalateToParent {}) => {
            Action::Word(ActionWord::EscalateToParent)
        }
        action::Kind::EscalateToCommonAncestor(action::EscalateToCommonAncestor {}) => {
            Action::Word(ActionWord::EscalateToCommonAncestor)
        }
        action::Kind::EscalateToRoot(action::EscalateToRoot {}) => {
            Action::Word(ActionWord::EscalateToRoot)
        }
        action::Kind::RequireOwner(action::RequireOwner {}) => {
            Action::Word(ActionWord::RequireOwner)
        }
        action::Kind::EscalateToLevel(action::EscalateToLevel { level }) => {
            Action::Full(FullAction::EscalateToLevel(level.clone()))
        }
        action::Kind::Notify(action::Notify { roles, message }) => {
            Action::Full(FullAction::Notify(Notify {
                roles: roles.clone(),
                message: message.clone(),
            }))
        }
    };
    Some(Rule {
        name: rule.name.clone(),
        when: rule.when.clone(),
        on,
        action,
        late: match rule.late() {
            v1::LateMode::Unspecified | v1::LateMode::Fire => Late::Fire,
            v1::LateMode::Skip => Late::Skip,
            v1::LateMode::Restart => Late::Restart,
        },
    })
}

fn since_to_proto(since: Since) -> v1::ClockBase {
    match since {
        Since::Progress => v1::ClockBase::Progress,
        Since::Raised => v1::ClockBase::Raised,
        Since::LevelEntered => v1::ClockBase::LevelEntered,
        Since::CommitTime => v1::ClockBase::CommitTime,
        Since::DueTime => v1::ClockBase::DueTime,
    }
}

fn since_from_proto(base: v1::ClockBase) -> Since {
    match base {
        v1::ClockBase::Unspecified | v1::ClockBase::Progress => Since::Progress,
        v1::ClockBase::Raised => Since::Raised,
        v1::ClockBase::LevelEntered => Since::LevelEntered,
        v1::ClockBase::CommitTime => Since::CommitTime,
        v1::ClockBase::DueTime => Since::DueTime,
    }
}
