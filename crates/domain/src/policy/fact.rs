//! The facts that conditions may use: one table, for the checker, the evaluation and the documents.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    blocker::{Content, Severity, Status},
    organization::Organization,
    time::Timestamp,
};

/// Hours until a date that is not set.
const NEVER_HOURS: f64 = 1e9;

/// Type of a fact, or of an expression over facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Double,
    /// A text.
    String,
    /// A list of texts.
    StringList,
    /// A list of numbers.
    IntList,
    /// A map from text to text.
    StringMap,
}

impl Type {
    /// The name, as in CEL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::StringList => "list(string)",
            Self::IntList => "list(int)",
            Self::StringMap => "map(string, string)",
        }
    }
}

/// Value of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Type::Bool`].
    Bool(bool),
    /// Of [`Type::Int`].
    Int(i64),
    /// Of [`Type::Double`].
    Double(f64),
    /// Of [`Type::String`].
    String(String),
    /// Of [`Type::StringMap`].
    Map(BTreeMap<String, String>),
}

impl Value {
    /// The value as a CEL literal.
    #[must_use]
    pub fn literal(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Double(value) => format!("{value:.2}"),
            Self::String(value) => format!("{value:?}"),
            Self::Map(value) => {
                let entries: Vec<String> = value
                    .iter()
                    .map(|(key, value)| format!("{key:?}: {value:?}"))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// What a condition looks at: a blocker in its organization, at a time.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The organization.
    pub organization: &'a Organization,
    /// What people wrote about the blocker.
    pub content: &'a Content,
    /// What the engine knows of it.
    pub status: &'a Status,
    /// The time.
    pub now: Timestamp,
}

/// One fact.
pub struct Fact {
    /// Name, as in conditions.
    pub name: &'static str,
    /// Type.
    pub kind: Type,
    /// What it says, in one line.
    pub doc: &'static str,
    read: fn(&Subject<'_>) -> Value,
}

impl Fact {
    /// Its value.
    #[must_use]
    pub fn read(&self, subject: &Subject<'_>) -> Value {
        (self.read)(subject)
    }
}

/// The fact of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Fact> {
    FACTS.iter().find(|fact| fact.name == name)
}

fn hours(span: Duration) -> Value {
    Value::Double(span.as_secs_f64() / 3600.0)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn count(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn level_of(subject: &Subject<'_>, node: &crate::id::NodeId) -> Value {
    text(
        subject
            .organization
            .tree()
            .get(node)
            .map_or("", |node| node.level.as_str()),
    )
}

macro_rules! facts {
    ($($name:ident: $kind:ident, $doc:literal, |$subject:ident| $read:expr;)*) => {
        /// Every fact, in the order of the documents.
        pub static FACTS: &[Fact] = &[
            $(Fact {
                name: stringify!($name),
                kind: Type::$kind,
                doc: $doc,
                read: |$subject| $read,
            },)*
        ];
    };
}

facts! {
    severity: String, "`LOW`, `MEDIUM`, `HIGH` or `CRITICAL`", |s| text(s.content.severity.as_str());
    severity_rank: Int, "1 for `LOW` to 4 for `CRITICAL`", |s| Value::Int(match s.content.severity {
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    });
    state: String, "`RAISED`, `ACKNOWLEDGED`, `OWNED` or `ON_HOLD`", |s| text(s.status.state.as_str());
    category: String, "the category; empty if none", |s| text(&s.content.category);
    labels: StringMap, "the labels", |s| Value::Map((&s.content.labels).into());
    age_hours: Double, "hours since it was raised, or reopened", |s| hours(s.now.since(s.status.episode_at));
    level_hours: Double, "hours at the present level", |s| hours(s.now.since(s.status.level_entered_at));
    progress_hours: Double, "hours since real progress", |s| hours(s.now.since(s.status.progressed_at));
    meetings_survived: Int, "meetings survived at the present level; in `meeting_closed` rules the closing one counts", |s| Value::Int(s.status.meetings_survived.into());
    escalations: Int, "escalations in this episode", |s| Value::Int(s.status.escalations.into());
    episode: Int, "1, plus 1 for every reopening", |s| Value::Int(s.status.episode.into());
    owner: String, "the owner; empty if none", |s| text(s.status.owner.as_deref().unwrap_or(""));
    owned: Bool, "true if it has an owner", |s| Value::Bool(s.status.owner.is_some());
    on_track: Bool, "true if it has an owner and a committed date that has not passed", |s| Value::Bool(
        s.status.owner.is_some() && s.status.committed_at.is_some_and(|at| at > s.now)
    );
    commitment_missed: Bool, "true if the committed date has passed", |s| Value::Bool(s.status.committed_at.is_some_and(|at| at <= s.now));
    has_due_date: Bool, "true if it has a due date", |s| Value::Bool(s.content.due_at.is_some());
    overdue: Bool, "true if the due date has passed", |s| Value::Bool(s.content.due_at.is_some_and(|at| at <= s.now));
    hours_until_due: Double, "hours until the due date; negative after it, 1e9 without one", |s| match s.content.due_at {
        None => Value::Double(NEVER_HOURS),
        Some(at) if at > s.now => hours(at.since(s.now)),
        Some(at) => Value::Double(-(s.now.since(at).as_secs_f64() / 3600.0)),
    };
    blocked_nodes: Int, "number of nodes that it blocks", |s| count(s.content.blocked_nodes.len());
    causing_nodes: Int, "number of nodes that cause it", |s| count(s.content.causing_nodes.len());
    level: String, "level label of the holder", |s| level_of(s, &s.status.holder);
    height: Int, "height of the holder: 0 for a team, 1 for a Scrum of Scrums, …", |s| count(s.organization.tree().height(&s.status.holder));
    depth: Int, "depth of the holder: 0 for the root", |s| count(s.organization.tree().depth(&s.status.holder));
    is_root: Bool, "true if the root holds it", |s| Value::Bool(s.organization.tree().root() == Some(&s.status.holder));
    holder: String, "id of the holder", |s| text(s.status.holder.as_str());
    origin: String, "id of the origin", |s| text(s.content.origin.as_str());
    origin_level: String, "level label of the origin", |s| level_of(s, &s.content.origin);
    anonymous: Bool, "true if nobody is recorded as its author", |s| Value::Bool(s.content.reporter.is_none());
    arrival: String, "how it came to its holder: `raised`, `escalated`, `returned`, `reheld` or `reopened`", |s| text(s.status.arrival.as_str());
}
