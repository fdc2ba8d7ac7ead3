//! Apple's reasons, in one table: who is at fault, whether to try again, whether the device token is dead.
//!
//! Apple may add reasons at any time. An unknown one is kept as received, and the status decides what it means.

use std::borrow::Cow;
use std::fmt;

use super::{Fault, RetryAdvice};

/// Why Apple refused a push: a known reason (one of the constants) or the text received.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(Cow<'static, str>);

impl Reason {
    /// Longest text kept of an unknown reason, in characters.
    pub const MAX_LEN: usize = 64;

    /// Takes what Apple wrote. Unknown text is cut to [`Self::MAX_LEN`], and all but visible ASCII becomes `?`: it ends
    /// in logs and Erlang terms.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match Row::of(text) {
            Some(row) => Self(Cow::Borrowed(row.reason)),
            None => {
                let visible = |c: char| if c.is_ascii_graphic() { c } else { '?' };
                Self(Cow::Owned(
                    text.chars().take(Self::MAX_LEN).map(visible).collect(),
                ))
            }
        }
    }

    /// Apple's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this library knows what it means.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self.0, Cow::Borrowed(_))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({self})")
    }
}

/// What a reason, or a bare status, means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The status that Apple documents for the reason.
    pub(super) status: u16,
    /// Apple's word.
    pub(super) reason: &'static str,
    pub(super) fault: Fault,
    pub(super) advice: RetryAdvice,
    pub(super) invalidates_token: bool,
}

impl Row {
    /// The row of a known reason.
    pub(super) fn of(reason: &str) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.reason == reason)
    }

    /// What a status means whose reason is missing or unknown.
    pub(super) const fn of_status(status: u16) -> Self {
        let (fault, advice, invalidates_token) = match status {
            410 => (Fault::Token, NEVER, true),
            // Not Apple's, but RFC 9110's: this connection is not the right one, or was too slow.
            408 | 421 => (Fault::Connection, NEW_CONNECTION, false),
            // Of Apple's two, the one that holds back least: a single device, and longer each time. Were it the other,
            // the next answer that can be read says so.
            429 => (Fault::Throttle, BACKOFF, false),
            401 | 403 | 407 => (Fault::Configuration, NEVER, false),
            400..=499 => (Fault::Request, NEVER, false),
            500..=599 => (Fault::Server, BACKOFF, false),
            // Apple neither redirects nor answers otherwise: something else sits at this address.
            _ => (Fault::Configuration, NEVER, false),
        };
        Self {
            status,
            reason: "",
            fault,
            advice,
            invalidates_token,
        }
    }
}

const NEVER: RetryAdvice = RetryAdvice::Never;
const NEW_CONNECTION: RetryAdvice = RetryAdvice::OnNewConnection;
const PAUSE: RetryAdvice = RetryAdvice::AfterPause;
const BACKOFF: RetryAdvice = RetryAdvice::AfterBackoff { at_least: None };

/// Makes the constants and the table of the same lines, so that neither can have a reason the other lacks.
macro_rules! reasons {
    ($($status:literal $name:ident $reason:literal $fault:ident $advice:ident $(, $invalidates:ident)?;)*) => {
        impl Reason {
            $(
                #[doc = concat!("`", $reason, "`, status ", $status, ".")]
                pub const $name: Self = Self(Cow::Borrowed($reason));
            )*

            /// Every known reason.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];
        }

        const TABLE: &[Row] = &[$(
            Row {
                status: $status,
                reason: $reason,
                fault: Fault::$fault,
                advice: $advice,
                invalidates_token: reasons!(@ $($invalidates)?),
            }
        ),*];
    };
    (@ invalidates_token) => { true };
    (@) => { false };
}

// ExpiredProviderToken and TooManyProviderTokenUpdates spoil the connection for every later push, also with a good token:
// hence a new connection, and no pause on this one. The second is counted for the whole team, so the app pauses too.
reasons! {
    400 BAD_COLLAPSE_ID "BadCollapseId" Request NEVER;
    400 BAD_DEVICE_TOKEN "BadDeviceToken" Token NEVER, invalidates_token;
    400 BAD_EXPIRATION_DATE "BadExpirationDate" Request NEVER;
    400 BAD_MESSAGE_ID "BadMessageId" Request NEVER;
    400 BAD_PRIORITY "BadPriority" Request NEVER;
    400 BAD_TOPIC "BadTopic" Configuration NEVER;
    400 DEVICE_TOKEN_NOT_FOR_TOPIC "DeviceTokenNotForTopic" Token NEVER, invalidates_token;
    400 DUPLICATE_HEADERS "DuplicateHeaders" Request NEVER;
    400 IDLE_TIMEOUT "IdleTimeout" Connection NEW_CONNECTION;
    400 INVALID_PUSH_TYPE "InvalidPushType" Request NEVER;
    400 MISSING_DEVICE_TOKEN "MissingDeviceToken" Request NEVER;
    400 MISSING_TOPIC "MissingTopic" Configuration NEVER;
    400 PAYLOAD_EMPTY "PayloadEmpty" Request NEVER;
    400 TOPIC_DISALLOWED "TopicDisallowed" Configuration NEVER;
    403 BAD_CERTIFICATE "BadCertificate" Configuration NEVER;
    403 BAD_CERTIFICATE_ENVIRONMENT "BadCertificateEnvironment" Configuration NEVER;
    403 BAD_ENVIRONMENT_KEY_ID_IN_TOKEN "BadEnvironmentKeyIdInToken" Configuration NEVER;
    403 BAD_ENVIRONMENT_KEY_IN_TOKEN "BadEnvironmentKeyInToken" Configuration NEVER;
    403 EXPIRED_PROVIDER_TOKEN "ExpiredProviderToken" Authentication NEW_CONNECTION;
    403 FORBIDDEN "Forbidden" Configuration NEVER;
    403 INVALID_PROVIDER_TOKEN "InvalidProviderToken" Configuration NEVER;
    403 MISSING_PROVIDER_TOKEN "MissingProviderToken" Configuration NEVER;
    403 UNRELATED_KEY_ID_IN_TOKEN "UnrelatedKeyIdInToken" Authentication NEW_CONNECTION;
    404 BAD_PATH "BadPath" Request NEVER;
    405 METHOD_NOT_ALLOWED "MethodNotAllowed" Request NEVER;
    410 EXPIRED_TOKEN "ExpiredToken" Token NEVER, invalidates_token;
    410 UNREGISTERED "Unregistered" Token NEVER, invalidates_token;
    413 PAYLOAD_TOO_LARGE "PayloadTooLarge" Request NEVER;
    429 TOO_MANY_PROVIDER_TOKEN_UPDATES "TooManyProviderTokenUpdates" Authentication PAUSE;
    429 TOO_MANY_REQUESTS "TooManyRequests" Throttle BACKOFF;
    500 INTERNAL_SERVER_ERROR "InternalServerError" Server BACKOFF;
    503 SERVICE_UNAVAILABLE "ServiceUnavailable" Server BACKOFF;
    503 SHUTDOWN "Shutdown" Server NEW_CONNECTION;
}
