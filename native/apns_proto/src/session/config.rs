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

/// How the provider token stands in the header blocks of requests (RFC 7541 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthorizationCoding {
    /// A literal in every request that nobody on the way may index either: Apple's advice.
    #[default]
    Literal,
    /// Put in the server's table, once for each connection and provider token, and an index from then on; where the table
    /// is too small for that, a literal.
    Indexed,
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
    /// How the provider token is sent; of no meaning with a certificate.
    pub authorization_coding: AuthorizationCoding,
    /// How long a push may wait for its answer from when its request left, before its fate counts as unknown; and how
    /// long for anything else that a server owes which answers PING: that it takes the request, and room for one.
    pub response_timeout: Duration,
    /// How long an idle connection may be silent before a PING asks whether it lives.
    pub ping_interval: Duration,
    /// How long the answer to a PING may take. A connection that fails this is dead.
    pub ping_timeout: Duration,
}
