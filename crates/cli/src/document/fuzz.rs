//! Documents from outside: whatever the text, it is a document or it is refused with what is wrong.

use echelon_fuzz::Target;

use super::{check_in, organization, policy};
use crate::{failure::Failure, input::Document};

const WORDS: &[&str] = &[
    "\n- ",
    "  ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!int ",
    "!x ",
    "|\n",
    ">\n",
    "? ",
    "<<: ",
    "---\n",
    "...\n",
    "%YAML 9.9\n",
    "~",
    "null",
    "\"\\ud800\"",
    "\t",
    "#",
    "'",
    "7d",
    "-1h",
    "99999999999999999999d",
    "2026-02-30",
    "rules",
    "nodes",
    "children",
    "on",
    "do",
    "after",
    "raised",
    "escalate",
    "blockers",
];

const fn target(name: &'static str) -> Target {
    Target {
        name,
        words: WORDS,
        most_bytes: 16 * 1024,
    }
}

fn judge<T>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Ok(_) => String::new(),
        Err(failure) => {
            let message = failure.to_string();
            assert!(message.contains("test"), "it names no document: {message}");
            message
        }
    }
}

fn document(input: &[u8]) -> Document {
    Document::new(&String::from_utf8_lossy(input))
}

#[test]
fn fuzz_policy_documents_are_refused_or_make_a_policy() {
    target("policy-documents").fuzz(|input| {
        let parsed = document(input).parse::<policy::Policy>();
        judge(parsed.map(|policy| policy.version()))
    });
}

#[test]
fn fuzz_organization_documents_are_refused_or_make_a_declaration() {
    target("organization-documents")
        .fuzz(|input| judge(organization::request(&document(input), None)));
}

#[test]
fn fuzz_check_in_documents_are_refused_or_make_a_check_in() {
    target("check-in-documents").fuzz(|input| judge(document(input).parse::<check_in::CheckIn>()));
}
