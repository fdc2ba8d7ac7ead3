//! The words of `start_app` ([`Options`]) and what they parse to ([`AppConfig`]).
//!
//! Options are checked where they enter, before any thread starts: after [`AppConfig::parse`] no check is
//! repeated. An error names the option, says what is wrong and what to do, and holds no secret.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use apns_proto::topic::Topic;
use rustls::pki_types::ServerName;

use crate::credentials::Credentials;
use crate::tls::Roots;

/// What `start_app` was given, word for word; `Default` is what an absent word means.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Topic of the pushes, the app's bundle id; `None`: the app's name.
    pub topic: Option<String>,
    /// Which of Apple's two worlds, or another server.
    pub environment: EnvironmentOption,
    /// `.p8` signing key, or with `certificate_file` the certificate's key.
    pub key_file: Option<PathBuf>,
    /// Key id of the `.p8` key, 10 characters; `None`: taken from a file name `AuthKey_<key id>.p8`.
    pub key_id: Option<String>,
    /// Team id of the `.p8` key, 10 characters.
    pub team_id: Option<String>,
    /// Client certificate and its chain, PEM, with the key unless `key_file` is given.
    pub certificate_file: Option<PathBuf>,
    /// Password of the certificate's encrypted key.
    pub password: Option<String>,
    /// Roots that replace the system's and Mozilla's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Which protocol is spoken.
    pub transport: TransportOption,
    /// Which outcomes become events without being asked for.
    pub outcomes: Outcomes,
    /// See [`NUMBERS`].
    pub queue_limit: u64,
    /// See [`NUMBERS`].
    pub queue_bytes: u64,
    /// See [`NUMBERS`].
    pub queue_timeout: u64,
    /// See [`NUMBERS`].
    pub connect_timeout: u64,
    /// See [`NUMBERS`].
    pub response_timeout: u64,
    /// See [`NUMBERS`].
    pub ping_interval: u64,
    /// See [`NUMBERS`].
    pub ping_timeout: u64,
    /// See [`NUMBERS`].
    pub reconnect_min_interval: u64,
    /// See [`NUMBERS`].
    pub reconnect_max_interval: u64,
}

/// Where pushes go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EnvironmentOption {
    /// `api.push.apple.com:443`.
    #[default]
    Production,
    /// `api.sandbox.push.apple.com:443`.
    Sandbox,
    /// `https://host[:port]`, for example a simulator.
    Url(String),
}

/// Which protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportOption {
    /// Apple's provider API.
    #[default]
    Http2,
    /// The legacy binary gateway.
    Binary,
}

/// Which outcomes become events without being asked for by a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcomes {
    /// Accepted, rejected and failed.
    All,
    /// Rejected and failed.
    #[default]
    Failures,
    /// None; all are counted still.
    None,
}

/// One numeric option: its name, unit, bounds, default, and why that default.
#[derive(Debug, Clone, Copy)]
pub struct NumberOption {
    /// Name in the options map.
    pub name: &'static str,
    /// What is counted: `pushes`, `bytes` or `ms`.
    pub unit: &'static str,
    /// Smallest value taken.
    pub min: u64,
    /// Largest value taken.
    pub max: u64,
    /// What an absent option means.
    pub default: u64,
    /// What it is for, and why the default is what it is.
    pub reason: &'static str,
}

/// Every numeric option.
pub const NUMBERS: &[NumberOption] = &[];

impl Options {
    /// Names of the options that differ, in the order of the fields; for `{already_started, Differences}`.
    #[must_use]
    pub fn differences(&self, _other: &Self) -> Vec<&'static str> {
        todo!()
    }

    /// The numeric option of this name (see [`NUMBERS`]), to be set while decoding a map.
    pub fn number_mut(&mut self, _name: &str) -> Option<&mut u64> {
        todo!()
    }
}

impl Default for Options {
    fn default() -> Self {
        todo!()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// What the engine runs on: every option parsed, credentials read and checked.
#[derive(Debug)]
pub struct AppConfig {
    /// Topic of the pushes, without a push type's suffix.
    pub topic: Topic,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: Credentials,
    /// Whom we trust. [`Roots::reload`] reads them again.
    pub(crate) roots: Roots,
    /// Which outcomes become events without being asked for.
    pub outcomes: Outcomes,
    /// Bounds and times.
    pub limits: Limits,
}

/// A server: where to connect, which name its certificate must hold, and what `:authority` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// DNS name or IP literal (IPv6 without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The `:authority` of requests: the port only when it is not 443, IPv6 in brackets.
    pub authority: String,
    pub(crate) server_name: ServerName<'static>,
}

/// Bounds and times of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pushes inside at most.
    pub queue_limit: usize,
    /// Bytes of pushes inside at most.
    pub queue_bytes: usize,
    /// How long a push without expiration may wait for a connection.
    pub queue_timeout: Duration,
    /// From the begin of a connection attempt (TCP and TLS) to its end.
    pub connect_timeout: Duration,
    /// From writing a push to its complete answer.
    pub response_timeout: Duration,
    /// Without traffic for this long, a PING is sent.
    pub ping_interval: Duration,
    /// A PING unanswered for this long ends the connection.
    pub ping_timeout: Duration,
    /// First and smallest bound of the backoff between connection attempts.
    pub reconnect_min_interval: Duration,
    /// Largest bound of the backoff between connection attempts.
    pub reconnect_max_interval: Duration,
}

/// An option that cannot be used. `Display` is one sentence for an operator: `key_file: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {problem}")]
pub struct ConfigError {
    option: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self {
            option,
            problem: problem.into(),
        }
    }

    /// The option's name; `app` for the app's name itself.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What is wrong and what to do; never holds a secret.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl AppConfig {
    /// Checks every option and reads the files they name (so not for a normal scheduler); touches no network.
    pub fn parse(_app: &str, _options: &Options) -> Result<Self, ConfigError> {
        todo!()
    }
}
