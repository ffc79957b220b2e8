//! What an organization says of itself.

use std::time::Duration;

use crate::{error::Error, id::NodeId, time::Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
/// The longest span a setting may have.
const SETTING_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Spans of time an organization may tune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// An open blocker older than this counts as aged.
    pub aged_after: Duration,
    /// A date nearer than this counts as due soon.
    pub due_soon_within: Duration,
    /// How long an acknowledgement holds by default.
    pub acknowledgement_expiry: Duration,
    /// The longest hold.
    pub hold_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            aged_after: 7 * DAY,
            due_soon_within: 2 * DAY,
            acknowledgement_expiry: DAY,
            hold_limit: 30 * DAY,
        }
    }
}

/// New values for some settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    /// See [`Settings`].
    pub aged_after: Option<Duration>,
    /// See [`Settings`].
    pub due_soon_within: Option<Duration>,
    /// See [`Settings`].
    pub acknowledgement_expiry: Option<Duration>,
    /// See [`Settings`].
    pub hold_limit: Option<Duration>,
}

impl Settings {
    /// The settings with some of them changed, as given in `field`. Errors: [`Error::Invalid`] for a span of zero or
    /// above a year.
    pub fn patched(&self, field: &str, patch: &SettingsPatch) -> Result<Self, Error> {
        let pick = |name: &str, new: Option<Duration>, old: Duration| match new {
            None => Ok(old),
            Some(span) if span.as_micros() == 0 || span > SETTING_MAX => Err(Error::field(
                format!("{field}.{name}"),
                "must be longer than 0 and at most 366 days",
            )),
            Some(span) => Ok(Duration::from_micros(
                u64::try_from(span.as_micros()).unwrap_or(u64::MAX),
            )),
        };
        let SettingsPatch {
            aged_after,
            due_soon_within,
            acknowledgement_expiry,
            hold_limit,
        } = patch;
        Ok(Self {
            aged_after: pick("aged_after", *aged_after, self.aged_after)?,
            due_soon_within: pick("due_soon_within", *due_soon_within, self.due_soon_within)?,
            acknowledgement_expiry: pick(
                "acknowledgement_expiry",
                *acknowledgement_expiry,
                self.acknowledgement_expiry,
            )?,
            hold_limit: pick("hold_limit", *hold_limit, self.hold_limit)?,
        })
    }
}

/// What an organization says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name for people.
    pub display_name: String,
    /// The root node.
    pub root: NodeId,
    /// Spans of time.
    pub settings: Settings,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Revision of its last change; its etag.
    pub revision: i64,
}
