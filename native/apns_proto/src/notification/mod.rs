//! A notification in Apple's words, and its JSON.
//!
//! Every key of Apple's `aps` dictionary has a field of its type; what the app itself wants to know goes beside it, into
//! [`Notification::custom`]. [`Notification::to_payload`] checks the rules of the push type before a byte is written:
//! what Apple refuses, or iOS drops without a word, is an error here.
//!
//! ```
//! use apns_proto::notification::{Alert, Notification, Sound};
//! use apns_proto::push_type::PushType;
//!
//! let notification = Notification {
//!     alert: Some(Alert::Text("Juliet: Wherefore art thou?".to_owned())),
//!     badge: Some(1),
//!     sound: Some(Sound::Name("default".to_owned())),
//!     ..Notification::default()
//! };
//! let payload = notification.to_payload(PushType::Alert)?;
//! assert_eq!(
//!     payload.as_bytes(),
//!     br#"{"aps":{"alert":"Juliet: Wherefore art thou?","badge":1,"sound":"default"}}"#,
//! );
//! # Ok::<(), apns_proto::notification::NotificationError>(())
//! ```

mod alert;
mod encode;
mod live_activity;
mod rules;
mod sound;
#[cfg(test)]
mod tests;
mod truncate;

use std::fmt;

use serde_json::{Map, Value};

pub use self::alert::{Alert, AlertDictionary};
pub use self::live_activity::{LiveActivity, LiveActivityEvent};
pub use self::sound::Sound;
use crate::payload::{Payload, TooLarge};
use crate::push_type::PushType;
use crate::request::Headers;

/// What the device shows, plays or does. A field that is `None`, `false` or empty is not sent.
///
/// Field names are Apple's keys with `_` for `-`. A notification is private: `Debug` hides it.
#[derive(Clone, Default, PartialEq)]
pub struct Notification {
    /// `alert`: the text shown.
    pub alert: Option<Alert>,
    /// `badge`: the number on the app's icon; 0 takes it away, `None` leaves it.
    pub badge: Option<u32>,
    /// `sound`: what is played.
    pub sound: Option<Sound>,
    /// `thread-id`: notifications of one thread are shown as a group.
    pub thread_id: Option<String>,
    /// `category`: the app's name for the buttons that go with it.
    pub category: Option<String>,
    /// `content-available`: wakes the app in the background.
    pub content_available: bool,
    /// `mutable-content`: lets the app's service extension change the notification, decrypt it for instance.
    pub mutable_content: bool,
    /// `target-content-id`: the window that comes to the front.
    pub target_content_id: Option<String>,
    /// `interruption-level`: how much it may disturb.
    pub interruption_level: Option<InterruptionLevel>,
    /// `relevance-score`: order within the app's summary, 0 to 1; for Live Activities any number.
    pub relevance_score: Option<f64>,
    /// `filter-criteria`: what a Focus filter goes by.
    pub filter_criteria: Option<String>,
    /// `content-changed`: reloads widgets or controls.
    pub content_changed: bool,
    /// `url-args`: Safari's web notifications.
    pub url_args: Vec<String>,
    /// `ptt-push-type`: what a push of the Push to Talk framework is, if not speech.
    pub ptt_push_type: Option<PttPushType>,
    /// The keys of Live Activities.
    pub live_activity: LiveActivity,
    /// The app's own fields, beside `aps`.
    pub custom: Map<String, Value>,
}

impl Notification {
    /// Checks the notification and writes its JSON.
    ///
    /// # Errors
    /// [`NotificationError`], which names the field that breaks a rule; [`NotificationError::TooLarge`] last.
    pub fn to_payload(&self, push_type: PushType) -> Result<Payload, NotificationError> {
        rules::check(self, push_type)?;
        encode::encode(self, push_type)
    }

    /// The same; but where the JSON is larger than Apple takes, the end of the alert's body is cut off, and nothing
    /// else, so that it fits.
    ///
    /// The body keeps as many whole characters as fit with an ellipsis (`…`) after them; where not even the ellipsis
    /// fits, it is empty.
    ///
    /// # Errors
    /// As [`Self::to_payload`]; [`NotificationError::TooLarge`] says how large the JSON is with its whole body, if it
    /// does not even fit without. The notification is then as it was.
    pub fn to_truncated_payload(
        &mut self,
        push_type: PushType,
    ) -> Result<Payload, NotificationError> {
        match self.to_payload(push_type) {
            Err(NotificationError::TooLarge { bytes, limit })
                if truncate::cut_body(self, bytes, limit) =>
            {
                encode::encode(self, push_type)
            }
            other => other,
        }
    }

    /// Checks that it goes with the headers, as far as [`Headers::new`], which does not see it, cannot know.
    ///
    /// # Errors
    /// [`NotificationError`] with the name of the header.
    pub fn check_headers(&self, headers: &Headers) -> Result<(), NotificationError> {
        rules::check_headers(self, headers)
    }
}

/// Hides what people write to each other: such a value may end in a log.
macro_rules! hide_in_debug {
    ($($name:ident),*) => {
        $(
            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}

hide_in_debug!(Notification, Alert, AlertDictionary, Sound, LiveActivity);

/// How much a notification may disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterruptionLevel {
    /// Into the list, without a sound and without light.
    Passive,
    /// As usual.
    Active,
    /// Through a Focus; the app needs a capability.
    TimeSensitive,
    /// Through the mute switch too; the app needs an entitlement of Apple's.
    Critical,
}

impl InterruptionLevel {
    /// All levels, least first.
    pub const ALL: [Self; 4] = [
        Self::Passive,
        Self::Active,
        Self::TimeSensitive,
        Self::Critical,
    ];

    /// Reads Apple's word; `_` for `-` is understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "time_sensitive" => Some(Self::TimeSensitive),
            text => Self::ALL.into_iter().find(|level| level.as_str() == text),
        }
    }

    /// Apple's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Active => "active",
            Self::TimeSensitive => "time-sensitive",
            Self::Critical => "critical",
        }
    }
}

/// What a push of type `pushtotalk` is, if not speech.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PttPushType {
    /// News for an app that has joined a channel (iOS 17.2). Six an hour with priority 10, any number with less:
    /// `PTChannelManagerDelegate`, `incomingServiceUpdatePush`.
    ServiceUpdate,
}

impl PttPushType {
    /// Reads Apple's word; `_` for `-` is understood.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        matches!(text, "service-update" | "service_update").then_some(Self::ServiceUpdate)
    }

    /// Apple's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceUpdate => "service-update",
        }
    }
}

/// Why a notification cannot be sent. Carries no part of it but names of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// A field is needed.
    #[error("{field} is missing: {rule}")]
    Missing {
        /// The field, as in [`Notification`] and its parts.
        field: &'static str,
        /// Why it is needed.
        rule: &'static str,
    },
    /// A field does not belong here.
    #[error("{field} does not belong here: {rule}")]
    NotAllowed {
        /// The field, as in [`Notification`] and its parts.
        field: &'static str,
        /// Why not.
        rule: &'static str,
    },
    /// A field has a value that Apple does not take.
    #[error("{field} has a wrong value: {rule}")]
    Value {
        /// The field, as in [`Notification`] and its parts.
        field: &'static str,
        /// Which values are right.
        rule: &'static str,
    },
    /// The JSON is larger than Apple takes for this push type.
    #[error("the payload has {bytes} bytes, Apple takes at most {limit}")]
    TooLarge {
        /// Length of the JSON in bytes.
        bytes: usize,
        /// Apple's limit for the push type in bytes.
        limit: usize,
    },
}

impl NotificationError {
    /// The name of the field that is wrong; `"payload"` if it is the size of them all.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Missing { field, .. }
            | Self::NotAllowed { field, .. }
            | Self::Value { field, .. } => field,
            Self::TooLarge { .. } => "payload",
        }
    }
}

impl From<TooLarge> for NotificationError {
    fn from(TooLarge { bytes, limit }: TooLarge) -> Self {
        Self::TooLarge { bytes, limit }
    }
}
