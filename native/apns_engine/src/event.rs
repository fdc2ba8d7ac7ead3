//! What the engine tells the world: one outcome per push, and what an operator should know.

use std::time::Duration;

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use apns_proto::response::Reason;

/// Takes events from the engine thread. Implemented by the NIF crate (sends to an Erlang process) and by tests.
pub trait EventSink: Send + 'static {
    /// Whom an event goes to; an Erlang pid in the NIF crate.
    type Recipient: Clone + PartialEq + Send + Sync + 'static;

    /// Hands over `events`, oldest first, never empty. `false`: the recipient is gone, and the engine
    /// counts the events as dropped. Called on the engine thread; must not block.
    fn deliver(&mut self, to: &Self::Recipient, events: &[Event]) -> bool;
}

/// One thing that happened in an app's engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Apple took the push; says nothing about delivery.
    Accepted(Accepted),
    /// Apple said no; permanent.
    Rejected(Rejected),
    /// The push ended without a final answer from Apple.
    Failed(Failed),
    /// Apple says that a device token is dead, and the device was not registered after that.
    TokenInvalid(TokenInvalid),
    /// A connection to APNs can take pushes.
    ConnectionUp {
        /// Address that answered, for example `17.188.1.1:443`.
        address: String,
    },
    /// A connection ended or could not be made.
    ConnectionDown {
        /// Why, in words for an operator; holds no secret.
        reason: String,
        /// How long the engine waits before it tries again; `None`: other connections go on.
        retry_in: Option<Duration>,
    },
    /// An alarm has paused the app: pushes wait, and a single one goes now and then to see whether it is over.
    Paused,
    /// The pause is over: pushes go again.
    Resumed {
        /// How long it was.
        after: Duration,
    },
    /// The files of key or certificate hold other credentials than before: they are used from now on, on new connections.
    CredentialsReloaded {
        /// Which they are, in words for an operator; holds no secret.
        detail: String,
    },
    /// Something an operator has to act upon. Said once per cause until it is over.
    Alarm {
        /// Stable identifier, an atom on the Erlang side.
        alarm: Alarm,
        /// What is wrong and what to do, without secrets.
        detail: String,
    },
}

/// A push that Apple took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The push's identity from `notify` to here.
    pub apns_id: ApnsId,
    /// Whom it was for; `None` when it was addressed by token.
    pub owner: Option<std::sync::Arc<[u8]>>,
    /// The device.
    pub device_token: DeviceToken,
    /// Apple's `apns-unique-id`, development environment only.
    pub unique_id: Option<Box<str>>,
}

/// A push that Apple refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The push's identity from `notify` to here.
    pub apns_id: ApnsId,
    /// Whom it was for; `None` when it was addressed by token.
    pub owner: Option<std::sync::Arc<[u8]>>,
    /// The device.
    pub device_token: DeviceToken,
    /// HTTP status.
    pub status: u16,
    /// Apple's reason; `None` when the answer held none.
    pub reason: Option<Reason>,
    /// Unix milliseconds since when the token is known to be invalid (410 only).
    pub timestamp_ms: Option<u64>,
}

/// A push that ended without a final answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The push's identity from `notify` to here.
    pub apns_id: ApnsId,
    /// Whom it was for; `None` when it was addressed by token.
    pub owner: Option<std::sync::Arc<[u8]>>,
    /// The device.
    pub device_token: DeviceToken,
    /// Why, from the closed list.
    pub cause: apns_proto::session::FailedCause,
    /// Apple's last answer to it, if it was a temporary one.
    pub last_answer: Option<(u16, Option<Reason>)>,
}

/// A device token to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInvalid {
    /// Whom the push was for; `None` when it was addressed by token.
    pub owner: Option<std::sync::Arc<[u8]>>,
    /// The dead token.
    pub device_token: DeviceToken,
    /// Apple's reason.
    pub reason: Option<Reason>,
    /// Unix milliseconds: Apple's timestamp, or, where it gives none, when the push was written.
    pub timestamp_ms: u64,
}

/// What kind of help is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Apple refuses the key, key id, team id, certificate or topic of the app; or the files of key or certificate were
    /// changed and cannot be used any more.
    Configuration,
    /// This machine's clock and Apple's differ too much for provider tokens.
    ClockSkew,
    /// The server's certificate is not trusted, or does not name the host.
    ServerCertificate,
    /// The engine thread panicked and was started again.
    EngineCrashed,
    /// The client certificate has less than 30, 7 or 1 days left, or has ended.
    CertificateExpires,
    /// Found when the configuration was read, at the start or again: it can be used, and wants a look all the same.
    StartWarning,
}

impl Alarm {
    /// The alarm's name on the Erlang side.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::ClockSkew => "clock_skew",
            Self::ServerCertificate => "server_certificate",
            Self::EngineCrashed => "engine_crashed",
            Self::CertificateExpires => "certificate_expires",
            Self::StartWarning => "start_warning",
        }
    }
}
