//! What the simulator can be told at its start, for the library and the program alike.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Options of [`Simulator::start`](crate::Simulator::start).
///
/// ```
/// let options = apns_sim::Options { topics: vec!["im.example.chat".into()], ..apns_sim::Options::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the provider API listens. Port 0, the default, takes a free one. Default: 127.0.0.1.
    pub listen: SocketAddr,
    /// Where the control API and the page listen; `None` for neither. Default: 127.0.0.1, a free port.
    pub control: Option<SocketAddr>,
    /// The bundle ids of the apps that exist. Suffixes (`.voip`, ...) come with the push type and are not listed.
    /// Default: `im.example.chat`.
    pub topics: Vec<String>,
    /// Which of Apple's two environments to be. Default: development.
    pub environment: Environment,
    /// The provider signing key's id, ten of `A-Z0-9`. Default: `SIMKEY0001`.
    pub key_id: String,
    /// The team's id, ten of `A-Z0-9`. Default: `SIMTEAM001`.
    pub team_id: String,
    /// The provider's own key: a PEM public key, or the .p8 itself. Default: `None`, a throw-away key is made.
    pub public_key: Option<PathBuf>,
    /// Further keys of the team that are taken: their ids, and PEM public keys or .p8. Default: none.
    pub more_keys: Vec<(String, PathBuf)>,
    /// Where the CA, the key and the client certificates are written, and taken from if they are there already, so
    /// that a provider that trusts them need not be told anew. Default: `None`, a private temporary directory that
    /// is removed at the end.
    pub state_dir: Option<PathBuf>,
    /// Streams a connection may have open once its first request was authenticated. Default: 1000.
    pub max_streams: u32,
    /// Entries the journal keeps; then the oldest is dropped and counted. Default: 200,000.
    pub journal_entries: usize,
    /// Bytes the journal's entries may take together; then the oldest is dropped and counted. Default: 512 MiB.
    pub journal_bytes: usize,
    /// Provider connections open at once; one more is closed at once and counted. Default: 10,000.
    pub max_connections: usize,
    /// What happens to a provider that connects. A script can change it. Default: it is served.
    pub listener: ListenerMode,
    /// Tell on stderr what arrives. A device token appears as its first eight characters. Default: false.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            control: Some(any_port),
            topics: vec!["im.example.chat".to_owned()],
            environment: Environment::Development,
            key_id: "SIMKEY0001".to_owned(),
            team_id: "SIMTEAM001".to_owned(),
            public_key: None,
            more_keys: Vec::new(),
            state_dir: None,
            max_streams: 1000,
            journal_entries: 200_000,
            journal_bytes: 512 << 20,
            max_connections: 10_000,
            listener: ListenerMode::Serve,
            verbose: false,
        }
    }
}

/// Apple's two environments. Answers of the development one carry `apns-unique-id`; the production one refuses
/// development certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// api.sandbox.push.apple.com.
    Development,
    /// api.push.apple.com.
    Production,
}

impl Environment {
    /// `development` or `production`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// What happens to a provider that connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenerMode {
    /// TLS, HTTP/2, answers.
    #[default]
    Serve,
    /// TCP is accepted and not one byte is ever sent.
    Silent,
    /// The TLS handshake is done and not one byte of HTTP/2 is ever sent, not even SETTINGS.
    SilentAfterTls,
    /// TCP is accepted and closed at once.
    Cut,
}
