//! The `apns-push-type` header, and the rules that hang on it: topic suffix, priorities, payload limit.

use std::fmt;

use crate::priority::Priority;

/// What kind of push this is. Apple may delay or drop a push whose type does not match its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PushType {
    /// Shows an alert, sets the badge or plays a sound.
    Alert,
    /// Wakes the app in the background, a few times an hour at most.
    Background,
    /// An incoming call (PushKit); iOS ends apps that do not report one.
    Voip,
    /// Updates a watchOS complication (PushKit).
    Complication,
    /// Signals a File Provider extension.
    Fileprovider,
    /// Asks for the user's location.
    Location,
    /// The Push to Talk framework.
    Pushtotalk,
    /// Starts, updates or ends a Live Activity.
    Liveactivity,
    /// Reloads widgets, complications made with WidgetKit included.
    Widgets,
    /// Reloads controls.
    Controls,
    /// Calls a managed device to its MDM server.
    Mdm,
}

impl PushType {
    /// All types, in Apple's order.
    pub const ALL: [Self; 11] = [
        Self::Alert,
        Self::Background,
        Self::Voip,
        Self::Complication,
        Self::Fileprovider,
        Self::Location,
        Self::Pushtotalk,
        Self::Liveactivity,
        Self::Widgets,
        Self::Controls,
        Self::Mdm,
    ];

    /// Reads Apple's word.
    ///
    /// # Errors
    /// [`PushTypeError`] for any other word.
    pub fn parse(text: &str) -> Result<Self, PushTypeError> {
        Self::ALL
            .into_iter()
            .find(|push_type| push_type.as_str() == text)
            .ok_or(PushTypeError)
    }

    /// Apple's word, the value of the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Background => "background",
            Self::Voip => "voip",
            Self::Complication => "complication",
            Self::Fileprovider => "fileprovider",
            Self::Location => "location",
            Self::Pushtotalk => "pushtotalk",
            Self::Liveactivity => "liveactivity",
            Self::Widgets => "widgets",
            Self::Controls => "controls",
            Self::Mdm => "mdm",
        }
    }

    /// What Apple wants after the bundle id in `apns-topic`; empty for some types.
    #[must_use]
    pub const fn topic_suffix(self) -> &'static str {
        match self {
            Self::Alert | Self::Background | Self::Mdm => "",
            Self::Voip => ".voip",
            Self::Complication => ".complication",
            Self::Fileprovider => ".pushkit.fileprovider",
            Self::Location => ".location-query",
            Self::Pushtotalk => ".voip-ptt",
            Self::Liveactivity => ".push-type.liveactivity",
            Self::Widgets => ".push-type.widgets",
            Self::Controls => ".push-type.controls",
        }
    }

    /// The priority of a push that names none: the highest that Apple allows.
    #[must_use]
    pub const fn default_priority(self) -> Priority {
        match self {
            Self::Background => Priority::PowerConsiderate,
            _ => Priority::Immediate,
        }
    }

    /// Whether Apple takes this priority for this type.
    ///
    /// For Push to Talk it depends on what the push is:
    /// [`Notification::check_headers`](crate::notification::Notification::check_headers).
    #[must_use]
    pub const fn allows_priority(self, priority: Priority) -> bool {
        match self {
            // "Sending notification requests to APNs": always 5, and 10 is an error.
            Self::Background => matches!(priority, Priority::PowerConsiderate),
            // The same page for locations; "Starting and updating Live Activities with ActivityKit push notifications".
            Self::Location | Self::Liveactivity => !matches!(priority, Priority::Low),
            _ => true,
        }
    }

    /// Whether Apple takes it from a provider with a provider token only, never from one with a certificate.
    ///
    /// For locations "Sending notification requests to APNs" says so, for Live Activities Apple's answer in its forums
    /// (thread 712499). Whether a certificate is good for another type is in the certificate.
    #[must_use]
    pub const fn needs_provider_token(self) -> bool {
        matches!(self, Self::Location | Self::Liveactivity)
    }

    /// The largest payload Apple takes, in bytes.
    #[must_use]
    pub const fn payload_limit(self) -> usize {
        match self {
            Self::Voip => 5120,
            _ => 4096,
        }
    }
}

impl fmt::Display for PushType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Apple knows no such push type, or this library does not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no push type of Apple's: alert, background, voip, complication, fileprovider, location, pushtotalk, liveactivity, widgets, controls, mdm"
)]
pub struct PushTypeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apples_words_go_round() {
        for push_type in PushType::ALL {
            assert_eq!(PushType::parse(push_type.as_str()), Ok(push_type));
            assert!(PushTypeError.to_string().contains(push_type.as_str()));
        }
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["", "Alert", "alert ", "voip-ptt", "live-activity"] {
            assert_eq!(PushType::parse(text), Err(PushTypeError), "{text:?}");
        }
    }

    #[test]
    fn the_default_priority_is_an_allowed_one() {
        for push_type in PushType::ALL {
            assert!(
                push_type.allows_priority(push_type.default_priority()),
                "{push_type}"
            );
        }
    }

    #[test]
    fn background_is_never_urgent() {
        assert_eq!(
            PushType::Background.default_priority(),
            Priority::PowerConsiderate
        );
        assert!(!PushType::Background.allows_priority(Priority::Immediate));
        assert!(PushType::Alert.allows_priority(Priority::Low));
    }

    #[test]
    fn locations_and_live_activities_need_a_provider_token() {
        let need_it: Vec<_> = PushType::ALL
            .into_iter()
            .filter(|push_type| push_type.needs_provider_token())
            .collect();
        assert_eq!(need_it, [PushType::Location, PushType::Liveactivity]);
    }

    #[test]
    fn only_calls_may_have_more_than_4096_bytes() {
        for push_type in PushType::ALL {
            let limit = if push_type == PushType::Voip {
                5120
            } else {
                4096
            };
            assert_eq!(push_type.payload_limit(), limit, "{push_type}");
        }
    }
}
