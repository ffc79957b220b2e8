//! What blockers say.

use super::dice::Dice;

const SUBJECTS: [&str; 16] = [
    "Payment sandbox",
    "Staging database",
    "Signing certificate",
    "Test environment",
    "Identity provider",
    "Build farm",
    "Customer export",
    "Message broker",
    "Pricing interface",
    "Mobile pipeline",
    "Search cluster",
    "Data protection review",
    "Load test rig",
    "Partner contract",
    "Design system",
    "Feature toggle service",
];
const TROUBLES: [&str; 12] = [
    "is down since the upgrade",
    "rejects our requests",
    "waits for an approval",
    "lacks a test account",
    "has no owner any more",
    "answers too slowly to test",
    "changed without a notice",
    "is booked until next week",
    "needs a decision on scope",
    "fails every second night",
    "misses the new fields",
    "is out of licences",
];
const EFFECTS: [&str; 8] = [
    "Two stories wait and the sprint goal is at risk.",
    "The release candidate cannot be cut before it works.",
    "We work around it by hand, which costs a person a day.",
    "The demo to the business owners would show nothing.",
    "Nobody can verify the fixes of the last iteration.",
    "The other teams of the train wait for our interface.",
    "Regression tests have been red since yesterday morning.",
    "The contract date cannot move, so scope would have to.",
];
const ASKS: [&str; 6] = [
    "Who can grant access?",
    "Please name somebody who decides.",
    "The runbook does not help.",
    "A call with the vendor is needed.",
    "Twenty minutes with an architect would do.",
    "See the ticket for the log.",
];
/// Kinds of blockers.
pub(super) const CATEGORIES: [&str; 7] = [
    "environment",
    "decision",
    "dependency",
    "access",
    "hardware",
    "vendor",
    "people",
];
/// Roles whose holders own blockers.
pub(super) const OWNERS: [&str; 6] = [
    "rte@example.com",
    "scrum-master@example.com",
    "tech-lead@example.com",
    "architect@example.com",
    "qa-lead@example.com",
    "product-owner@example.com",
];

/// A title of about 40 characters.
pub(super) fn title(dice: &mut Dice) -> String {
    format!("{} {}", dice.pick(&SUBJECTS), dice.pick(&TROUBLES))
}

/// A description of about 80 characters.
pub(super) fn description(dice: &mut Dice) -> String {
    format!("{} {}", dice.pick(&EFFECTS), dice.pick(&ASKS))
}
