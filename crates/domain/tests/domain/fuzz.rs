//! Conditions from outside: whatever the text, it is compiled and then holds or not, or it is refused with what to do.

use echelon_domain::{
    blocker::Severity,
    policy::{check_rules, condition::Condition, fact::Subject},
};
use echelon_fuzz::Target;

use crate::support::{Desk, rule};

const CONDITIONS: Target = Target {
    name: "conditions",
    words: &[
        "severity",
        "category",
        "height",
        "on_track",
        "labels",
        "title",
        "&&",
        "||",
        "!",
        "(",
        ")",
        "==",
        "<=",
        " in ",
        "[",
        "]",
        "\"",
        "'",
        ".matches(",
        ".startsWith(",
        ".contains(",
        "size(",
        "? 1 : 2",
        "%",
        "/ 0",
        "-",
        "1e308",
        "9223372036854775807",
        "true",
        "null",
        "\\u0000",
        "has(",
        ".map(x, x)",
        "r'",
        "b\"",
        "//",
        "(a+)+$",
        "{1,99999}",
    ],
    most_bytes: 8 * 1024,
};

#[test]
fn fuzz_conditions_are_refused_or_can_be_evaluated() {
    let mut desk = Desk::new();
    let number = desk.raise("team-a1", Severity::High);
    let organization = desk.organization.clone();
    let blocker = organization.blocker(number).expect("it was raised").clone();
    let trigger = echelon_domain::policy::Trigger::MeetingClosed;
    CONDITIONS.fuzz(|input| {
        let text = String::from_utf8_lossy(input);
        let condition = match Condition::compile(&text) {
            Ok(condition) => condition,
            Err(error) => {
                assert!(!error.message.is_empty(), "a refusal says why");
                let rules = [rule("a-rule", &text, trigger.clone())];
                let refused = check_rules("rules", &rules);
                assert!(refused.is_err(), "what does not compile is no rule");
                return error.message;
            }
        };
        let subject = Subject {
            organization: &organization,
            content: &blocker.content,
            status: &blocker.status,
            now: desk.now,
        };
        match condition.holds(&subject) {
            Ok(holds) => holds.to_string(),
            Err(error) => error,
        }
    });
}
