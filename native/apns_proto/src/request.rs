//! A request to Apple: one push to one device, and the headers that all devices of a notification share.
//!
//! `authorization` and `apns-topic` belong to the connection's credentials and are added by the session.

use crate::apns_id::ApnsId;
use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::expiration::Expiration;
use crate::payload::Payload;
use crate::priority::Priority;
use crate::push_type::PushType;

/// What comes before the device token's hex digits in `:path`.
pub const PATH_PREFIX: &str = "/3/device/";
/// The only `:method`.
pub const METHOD: &str = "POST";

/// Header that carries the provider token.
pub const AUTHORIZATION: &str = "authorization";
/// Header that carries the [`ApnsId`], in requests and responses.
pub const APNS_ID: &str = "apns-id";
/// Header that carries the [`PushType`].
pub const APNS_PUSH_TYPE: &str = "apns-push-type";
/// Header that carries the [`Topic`](crate::topic::Topic) with the push type's suffix.
pub const APNS_TOPIC: &str = "apns-topic";
/// Header that carries the [`Priority`].
pub const APNS_PRIORITY: &str = "apns-priority";
/// Header that carries the [`Expiration`].
pub const APNS_EXPIRATION: &str = "apns-expiration";
/// Header that carries the [`CollapseId`].
pub const APNS_COLLAPSE_ID: &str = "apns-collapse-id";

/// The headers of a push, checked against each other by [`Headers::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `apns-push-type`, always sent: without it Apple may drop the push.
    pub push_type: PushType,
    /// `apns-priority`, always sent.
    pub priority: Priority,
    /// `apns-expiration`; absent means that Apple decides how long to keep the push.
    pub expiration: Option<Expiration>,
    /// `apns-collapse-id`.
    pub collapse_id: Option<CollapseId>,
}

impl Headers {
    /// Fills in what is not given by the push type's rules, and checks what is.
    ///
    /// ```
    /// use apns_proto::priority::Priority;
    /// use apns_proto::push_type::PushType;
    /// use apns_proto::request::Headers;
    ///
    /// let headers = Headers::new(PushType::Background, None, None, None)?;
    /// assert_eq!(headers.priority, Priority::PowerConsiderate);
    /// let refused = Headers::new(PushType::Background, Some(Priority::Immediate), None, None);
    /// assert_eq!(refused.unwrap_err().field(), "priority");
    /// # Ok::<(), apns_proto::request::HeadersError>(())
    /// ```
    ///
    /// # Errors
    /// [`HeadersError`] for combinations that Apple refuses or does not deliver.
    pub fn new(
        push_type: PushType,
        priority: Option<Priority>,
        expiration: Option<Expiration>,
        collapse_id: Option<CollapseId>,
    ) -> Result<Self, HeadersError> {
        let priority = priority.unwrap_or_else(|| push_type.default_priority());
        if !push_type.allows_priority(priority) {
            return Err(HeadersError::Priority {
                push_type,
                priority,
            });
        }
        let expiration = match push_type {
            // Speech that comes later is of no use: "Creating a Push to Talk app" asks for 0.
            PushType::Pushtotalk => expiration.or(Some(Expiration::ONE_ATTEMPT)),
            _ => expiration,
        };
        Ok(Self {
            push_type,
            priority,
            expiration,
            collapse_id,
        })
    }
}

/// Headers that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadersError {
    /// The push type does not allow the priority.
    #[error("a {push_type} push may not have priority {}, its usual one is {}", priority.as_str(), push_type.default_priority().as_str())]
    Priority {
        /// The push type.
        push_type: PushType,
        /// The priority it may not have.
        priority: Priority,
    },
}

impl HeadersError {
    /// The name of the wrong field, as in [`Headers`].
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Priority { .. } => "priority",
        }
    }
}

/// What all devices of one notification have in common; a clone shares the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub payload: Payload,
}

/// One push to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name until its outcome; kept when it is sent again.
    pub apns_id: ApnsId,
    /// The device.
    pub device_token: DeviceToken,
    /// Headers and payload.
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_completed_by_the_push_type() {
        let alert = Headers::new(PushType::Alert, None, None, None).unwrap();
        assert_eq!(
            (alert.priority, alert.expiration),
            (Priority::Immediate, None)
        );
        let background = Headers::new(PushType::Background, None, None, None).unwrap();
        assert_eq!(background.priority, Priority::PowerConsiderate);
        let talk = Headers::new(PushType::Pushtotalk, None, None, None).unwrap();
        assert_eq!(talk.expiration, Some(Expiration::ONE_ATTEMPT));
    }

    #[test]
    fn what_is_given_is_kept() {
        let later = Expiration::from_unix_seconds(2_000_000_000).ok();
        let collapse_id = CollapseId::parse(b"chat-1").ok();
        let headers = Headers::new(
            PushType::Alert,
            Some(Priority::Low),
            later,
            collapse_id.clone(),
        )
        .unwrap();
        assert_eq!(
            headers,
            Headers {
                push_type: PushType::Alert,
                priority: Priority::Low,
                expiration: later,
                collapse_id
            }
        );
    }

    #[test]
    fn priorities_that_apple_refuses_name_the_field() {
        let cases = [
            (PushType::Background, Priority::Immediate),
            (PushType::Background, Priority::Low),
            (PushType::Liveactivity, Priority::Low),
            (PushType::Location, Priority::Low),
        ];
        for (push_type, priority) in cases {
            let error = Headers::new(push_type, Some(priority), None, None).unwrap_err();
            assert_eq!(error.field(), "priority", "{push_type} {priority:?}");
            assert!(error.to_string().contains(push_type.as_str()));
        }
    }

    #[test]
    fn debug_of_a_request_shows_neither_token_nor_payload() {
        let headers = Headers::new(PushType::Alert, None, None, None).unwrap();
        let payload =
            Payload::from_json(br#"{"aps":{"alert":"secret"}}"#, PushType::Alert).unwrap();
        let request = Request {
            apns_id: ApnsId::from_random([1; 16]),
            device_token: DeviceToken::from_bytes(&[0xcd; 32]).unwrap(),
            content: Content { headers, payload },
        };
        let shown = format!("{request:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("cdcdcdcdcd"),
            "{shown}"
        );
    }
}
