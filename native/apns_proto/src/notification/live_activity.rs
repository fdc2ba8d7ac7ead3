//! The keys of `aps` that belong to Live Activities.

use serde_json::{Map, Value};

/// Starts, updates or ends a Live Activity. A field that is `None` or `false` is not sent.
#[derive(Clone, Default, PartialEq)]
pub struct LiveActivity {
    /// `event`: what happens to the activity.
    pub event: Option<LiveActivityEvent>,
    /// `timestamp`: when the content was true, Unix seconds; the device passes over what is older than it has.
    pub timestamp: Option<u64>,
    /// `content-state`: what the activity shows, in the app's own terms.
    pub content_state: Option<Map<String, Value>>,
    /// `stale-date`: when the content counts as out of date, Unix seconds.
    pub stale_date: Option<u64>,
    /// `dismissal-date`: when an ended activity goes from the lock screen, Unix seconds; a past one takes it away at once.
    pub dismissal_date: Option<u64>,
    /// `attributes-type`: the app's type for the attributes.
    pub attributes_type: Option<String>,
    /// `attributes`: what stays the same while the activity lives.
    pub attributes: Option<Map<String, Value>>,
    /// `input-push-token`: asks the device for a token for updates.
    pub input_push_token: bool,
    /// `input-push-channel`: the broadcast channel by which updates will come.
    pub input_push_channel: Option<String>,
}

/// What happens to a Live Activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveActivityEvent {
    /// It begins.
    Start,
    /// It shows something new.
    Update,
    /// It is over.
    End,
}

impl LiveActivityEvent {
    /// All events.
    pub const ALL: [Self; 3] = [Self::Start, Self::Update, Self::End];

    /// Reads Apple's word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == text)
    }

    /// Apple's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}
