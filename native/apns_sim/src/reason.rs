//! The one table of Apple's reasons and the HTTP status each comes with.
//!
//! Source: Apple, "Handling notification responses from APNs". A script may answer with a reason that is not in
//! the table (tomorrow's reason), so the simulator keeps reasons as text and only looks statuses up here.

/// A reason of the table. The judge can give only these; a script may give any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    name: &'static str,
    status: u16,
}

impl Reason {
    /// The reason as it stands in the answer's body, e.g. `BadDeviceToken`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The HTTP status Apple sends with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.status
    }

    /// Looks a reason up by its name, exactly as Apple spells it.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        TABLE.iter().copied().find(|reason| reason.name == name)
    }

    /// All reasons, by status and then by name.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        TABLE
    }
}

macro_rules! table {
    ($($constant:ident $status:literal $name:literal;)*) => {
        #[allow(missing_docs, reason = "the name says it; Apple's page has the prose")]
        impl Reason {
            $(pub const $constant: Self = Self { name: $name, status: $status };)*
        }
        const TABLE: &[Reason] = &[$(Reason::$constant),*];
    };
}

table! {
    BAD_COLLAPSE_ID                 400 "BadCollapseId";
    BAD_DEVICE_TOKEN                400 "BadDeviceToken";
    BAD_EXPIRATION_DATE             400 "BadExpirationDate";
    BAD_MESSAGE_ID                  400 "BadMessageId";
    BAD_PRIORITY                    400 "BadPriority";
    BAD_TOPIC                       400 "BadTopic";
    DEVICE_TOKEN_NOT_FOR_TOPIC      400 "DeviceTokenNotForTopic";
    DUPLICATE_HEADERS               400 "DuplicateHeaders";
    IDLE_TIMEOUT                    400 "IdleTimeout";
    INVALID_PUSH_TYPE               400 "InvalidPushType";
    MISSING_DEVICE_TOKEN            400 "MissingDeviceToken";
    MISSING_TOPIC                   400 "MissingTopic";
    PAYLOAD_EMPTY                   400 "PayloadEmpty";
    TOPIC_DISALLOWED                400 "TopicDisallowed";
    BAD_CERTIFICATE                 403 "BadCertificate";
    BAD_CERTIFICATE_ENVIRONMENT     403 "BadCertificateEnvironment";
    BAD_ENVIRONMENT_KEY_IN_TOKEN    403 "BadEnvironmentKeyInToken";
    BAD_ENVIRONMENT_KEY_ID_IN_TOKEN 403 "BadEnvironmentKeyIdInToken";
    EXPIRED_PROVIDER_TOKEN          403 "ExpiredProviderToken";
    FORBIDDEN                       403 "Forbidden";
    INVALID_PROVIDER_TOKEN          403 "InvalidProviderToken";
    MISSING_PROVIDER_TOKEN          403 "MissingProviderToken";
    UNRELATED_KEY_ID_IN_TOKEN       403 "UnrelatedKeyIdInToken";
    BAD_PATH                        404 "BadPath";
    METHOD_NOT_ALLOWED              405 "MethodNotAllowed";
    EXPIRED_TOKEN                   410 "ExpiredToken";
    UNREGISTERED                    410 "Unregistered";
    PAYLOAD_TOO_LARGE               413 "PayloadTooLarge";
    TOO_MANY_PROVIDER_TOKEN_UPDATES 429 "TooManyProviderTokenUpdates";
    TOO_MANY_REQUESTS               429 "TooManyRequests";
    INTERNAL_SERVER_ERROR           500 "InternalServerError";
    SERVICE_UNAVAILABLE             503 "ServiceUnavailable";
    SHUTDOWN                        503 "Shutdown";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_by_its_exact_name_only() {
        assert_eq!(Reason::find("Unregistered"), Some(Reason::UNREGISTERED));
        assert_eq!(Reason::find("unregistered"), None);
        assert_eq!(Reason::find(""), None);
    }

    #[test]
    fn no_name_is_in_the_table_twice() {
        for (at, reason) in Reason::all().iter().enumerate() {
            let found = Reason::all().iter().position(|r| r.name == reason.name);
            assert_eq!(found, Some(at), "{}", reason.name);
        }
    }
}
