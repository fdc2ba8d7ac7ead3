//! The words of `start_app` ([`Options`]) and what they parse to ([`AppConfig`]).
//!
//! Options are checked where they enter, before any thread starts; after [`AppConfig::parse`] no check is
//! repeated. An error names the option, says what is wrong and what to do, and holds no secret.

mod endpoint;
pub(crate) mod file;
mod number;
mod password;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use apns_proto::push_type::PushType;
use apns_proto::session::AuthorizationCoding;
use apns_proto::topic::Topic;

pub use self::endpoint::Endpoint;
pub use self::number::{Limits, NUMBERS, NumberOption};
pub use self::password::Password;
use crate::credentials::{Credentials, key_id_warning};
use crate::registry::RegistryKind;
use crate::tls::{RootSource, Roots};

/// What `start_app` was given, word for word. `Default` is what absent words mean.
///
/// `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Topic of the pushes, the app's bundle id; `None`: the app's name.
    pub topic: Option<String>,
    /// Which of Apple's two worlds, or a server of your own.
    pub environment: EnvironmentOption,
    /// Signing key (`.p8`); beside `certificate_file` the key of that certificate.
    pub key_file: Option<PathBuf>,
    /// Id of the signing key, 10 characters; `None`: as in the name of the file, `AuthKey_<key id>.p8`.
    pub key_id: Option<String>,
    /// Id of the team the signing key belongs to, 10 characters.
    pub team_id: Option<String>,
    /// Client certificate with its chain, in PEM, and with its key unless `key_file` names that.
    pub certificate_file: Option<PathBuf>,
    /// Password of the certificate's key, if that is encrypted.
    pub password: Option<Password>,
    /// Roots, in PEM, that take the place of the system's and Mozilla's.
    pub ca_file: Option<PathBuf>,
    /// Which protocol is spoken.
    pub transport: TransportOption,
    /// Which outcomes become events although their notification did not ask for it.
    pub outcomes: Outcomes,
    /// Whether the provider token is sent once for each connection, and by its index in HPACK's table from then on.
    pub index_authorization: bool,
    /// What stands behind the registry.
    pub registry: RegistryKind,
    /// Owners in the registry at most, and as many devices.
    pub registry_limit: u64,
    /// Pushes inside at most: waiting, in flight and delayed.
    pub queue_limit: u64,
    /// Bytes of the pushes inside at most.
    pub queue_bytes: u64,
    /// How long a push without expiration may wait, in milliseconds.
    pub queue_timeout: u64,
    /// How long one attempt to connect (look-up, TCP, TLS) may take, in milliseconds.
    pub connect_timeout: u64,
    /// How long Apple's answer to a push may take, in milliseconds.
    pub response_timeout: u64,
    /// After how much silence a PING is sent, in milliseconds.
    pub ping_interval: u64,
    /// How long the answer to a PING may take, in milliseconds.
    pub ping_timeout: u64,
    /// Connections that take pushes at most; more than one only while pushes wait behind full ones.
    pub max_connections: u64,
    /// How long a connection beyond the first may have nothing in flight, in milliseconds.
    pub connection_idle_timeout: u64,
    /// Shortest wait after an attempt to connect that failed, in milliseconds.
    pub reconnect_min_interval: u64,
    /// Longest wait after an attempt to connect that failed, in milliseconds.
    pub reconnect_max_interval: u64,
    /// Shortest wait between two probes while an alarm pauses the app, in milliseconds.
    pub probe_min_interval: u64,
    /// Longest wait between two probes, in milliseconds.
    pub probe_max_interval: u64,
    /// How often the files of key and certificate are looked at for a change, in milliseconds.
    pub credentials_check_interval: u64,
}

/// Where pushes go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EnvironmentOption {
    /// Apple, for apps from the App Store and TestFlight.
    #[default]
    Production,
    /// Apple, for apps run from Xcode. Device tokens of one environment mean nothing in the other.
    Sandbox,
    /// Another server, `https://host` or `https://host:port`: a simulator, a proxy.
    Url(String),
}

/// Which protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportOption {
    /// Apple's provider API.
    #[default]
    Http2,
    /// The legacy binary gateway, which Apple has switched off.
    Binary,
}

/// Which outcomes become events although their notification did not ask for it. All outcomes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcomes {
    /// Every outcome.
    All,
    /// Rejected and failed.
    #[default]
    Failures,
    /// None.
    None,
}

impl Options {
    /// Names of the options that differ from `other`'s, in the order of the fields.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let words = [
            ("topic", self.topic == other.topic),
            ("environment", self.environment == other.environment),
            ("key_file", self.key_file == other.key_file),
            ("key_id", self.key_id == other.key_id),
            ("team_id", self.team_id == other.team_id),
            (
                "certificate_file",
                self.certificate_file == other.certificate_file,
            ),
            ("password", self.password == other.password),
            ("ca_file", self.ca_file == other.ca_file),
            ("transport", self.transport == other.transport),
            ("outcomes", self.outcomes == other.outcomes),
            (
                "index_authorization",
                self.index_authorization == other.index_authorization,
            ),
            ("registry", self.registry == other.registry),
        ];
        let numbers = NUMBERS
            .iter()
            .map(|number| (number.name, number.of(self) == number.of(other)));
        words
            .into_iter()
            .chain(numbers)
            .filter_map(|(name, same)| (!same).then_some(name))
            .collect()
    }

    /// The place of a numeric option by its name, for those who decode a map; `None`: no such option.
    pub fn number_mut(&mut self, name: &str) -> Option<&mut u64> {
        let number = NUMBERS.iter().find(|number| number.name == name)?;
        Some(number.place_in(self))
    }
}

impl Default for Options {
    fn default() -> Self {
        let mut options = Self {
            topic: None,
            environment: EnvironmentOption::default(),
            key_file: None,
            key_id: None,
            team_id: None,
            certificate_file: None,
            password: None,
            ca_file: None,
            transport: TransportOption::default(),
            outcomes: Outcomes::default(),
            index_authorization: false,
            registry: RegistryKind::default(),
            registry_limit: 0,
            queue_limit: 0,
            queue_bytes: 0,
            queue_timeout: 0,
            connect_timeout: 0,
            response_timeout: 0,
            ping_interval: 0,
            ping_timeout: 0,
            max_connections: 0,
            connection_idle_timeout: 0,
            reconnect_min_interval: 0,
            reconnect_max_interval: 0,
            probe_min_interval: 0,
            probe_max_interval: 0,
            credentials_check_interval: 0,
        };
        for number in NUMBERS {
            *number.place_in(&mut options) = number.default;
        }
        options
    }
}

/// Hides the password, and a URL that may hold one.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Options");
        shown.field("topic", &self.topic);
        match &self.environment {
            EnvironmentOption::Url(url) if url.contains('@') => {
                shown.field("environment", &"Url(..)")
            }
            environment => shown.field("environment", environment),
        };
        shown
            .field("key_file", &self.key_file)
            .field("key_id", &self.key_id)
            .field("team_id", &self.team_id)
            .field("certificate_file", &self.certificate_file)
            .field("password", &self.password)
            .field("ca_file", &self.ca_file)
            .field("transport", &self.transport)
            .field("outcomes", &self.outcomes)
            .field("index_authorization", &self.index_authorization)
            .field("registry", &self.registry);
        for number in NUMBERS {
            shown.field(number.name, &number.of(self));
        }
        shown.finish()
    }
}

/// What an engine runs on: every option parsed, credentials and roots read and checked.
#[derive(Debug)]
pub struct AppConfig {
    /// Topic of the pushes, without a push type's suffix.
    pub topic: Topic,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// Who we are.
    pub credentials: Arc<Credentials>,
    /// Whom we trust.
    pub(crate) roots: Roots,
    /// Which outcomes become events although their notification did not ask for it.
    pub outcomes: Outcomes,
    /// How the provider token is sent.
    pub(crate) authorization_coding: AuthorizationCoding,
    /// What stands behind the registry.
    pub registry: RegistryKind,
    /// Bounds and times.
    pub limits: Limits,
    /// What an operator should know although the app can start, a sentence each, without secrets.
    pub warnings: Vec<String>,
}

impl AppConfig {
    /// Checks every option of the app `app` and reads the files they name, so it may wait for a disk; it waits for no
    /// network.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn parse(app: &str, options: &Options) -> Result<Self, ConfigError> {
        check_name(app)?;
        let topic = topic(app, options)?;
        if options.transport == TransportOption::Binary {
            return Err(ConfigError::new(
                "transport",
                "binary is not available in this version: write http2",
            ));
        }
        let authorization_coding = authorization_coding(options)?;
        let endpoint = Endpoint::parse(&options.environment)?;
        let limits = Limits::parse(options)?;
        let roots = match &options.ca_file {
            Some(path) => RootSource::File(path.clone()),
            None => RootSource::SystemAndMozilla,
        };
        let roots =
            Roots::load(roots).map_err(|error| ConfigError::new("ca_file", error.to_string()))?;
        let credentials = Credentials::load(options, &topic, now_unix())?;
        let warnings = roots
            .warnings()
            .iter()
            .cloned()
            .chain(key_id_warning(options))
            .chain(topic_warning(&topic))
            .collect();
        Ok(Self {
            topic,
            endpoint,
            credentials: Arc::new(credentials),
            roots,
            outcomes: options.outcomes,
            authorization_coding,
            registry: options.registry,
            limits,
            warnings,
        })
    }
}

/// An option that cannot be used. `Display` is one line for an operator, `key_file: ...`, without any secret.
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

    /// The option's name; `app` stands for the app's name itself.
    #[must_use]
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// The name goes into thread names and every event.
fn check_name(app: &str) -> Result<(), ConfigError> {
    let problem = match app.len() {
        0 => "an app needs a name, best the app's bundle id".to_owned(),
        1..=MAX_NAME_LEN if app.chars().any(char::is_control) => {
            "the app's name holds a control character".to_owned()
        }
        1..=MAX_NAME_LEN => return Ok(()),
        len => format!("the app's name has {len} bytes, {MAX_NAME_LEN} are allowed"),
    };
    Err(ConfigError::new("app", problem))
}

fn topic(app: &str, options: &Options) -> Result<Topic, ConfigError> {
    match &options.topic {
        Some(given) => {
            Topic::parse(given).map_err(|error| ConfigError::new("topic", error.to_string()))
        }
        None => Topic::parse(app).map_err(|error| {
            ConfigError::new(
                "topic",
                format!("missing, and the app's name cannot stand for it: {error}"),
            )
        }),
    }
}

fn authorization_coding(options: &Options) -> Result<AuthorizationCoding, ConfigError> {
    if !options.index_authorization {
        return Ok(AuthorizationCoding::Literal);
    }
    if options.certificate_file.is_some() {
        let problem =
            "is for provider tokens: beside certificate_file there is none, leave it away";
        return Err(ConfigError::new("index_authorization", problem));
    }
    Ok(AuthorizationCoding::Indexed)
}

/// A topic as it stands in old code for calls, `com.example.chat.voip`, gets the suffix a second time, and Apple refuses
/// every push. Only a warning, since a bundle id may end in such a word.
fn topic_warning(topic: &Topic) -> Option<String> {
    let suffix = PushType::ALL
        .into_iter()
        .map(PushType::topic_suffix)
        .find(|suffix| !suffix.is_empty() && topic.as_str().ends_with(suffix))?;
    Some(format!(
        "topic: {topic} ends with {suffix}: unless that is the app's bundle id, leave {suffix} away; it is added by push type"
    ))
}

/// A clock before 1970 reads as 1970, and every certificate as not yet valid.
pub(crate) fn now_unix() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Longest name of an app, in bytes: Erlang's longest atom, should somebody make it one.
const MAX_NAME_LEN: usize = 255;

#[cfg(test)]
mod tests;
