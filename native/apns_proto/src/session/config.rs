//! What a session is told at its start.

use std::time::Duration;

use crate::topic::Topic;

/// How a session authenticates its pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// By a provider token in every request; see [`Session::set_provider_token`](super::Session::set_provider_token).
    ProviderToken,
    /// By the client certificate of the TLS connection.
    Certificate,
}

/// What a session is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's name as `:authority`, with its port unless that is 443.
    pub authority: Box<str>,
    /// The app's topic, without a push type's suffix.
    pub topic: Topic,
    /// How pushes authenticate.
    pub authentication: Authentication,
    /// How long a push may wait for its answer from when its request left, before its fate counts as unknown; and how
    /// long for anything else that a server owes which answers PING: that it takes the request, and room for one.
    pub response_timeout: Duration,
    /// How long an idle connection may be silent before a PING asks whether it lives.
    pub ping_interval: Duration,
    /// How long the answer to a PING may take. A connection that fails this is dead.
    pub ping_timeout: Duration,
}
