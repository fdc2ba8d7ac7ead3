//! The library's face: a simulator in a thread of its own, and a handle that any thread can use.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::client_certificate::ClientCertificate;
use crate::credentials::Credentials;
use crate::entry::Entry;
use crate::journal::Query;
use crate::judge;
use crate::options::Options;
use crate::script::{self, ScriptError, Step};
use crate::server::{Command, Server};
use crate::start_error::StartError;
use crate::state::State;

/// A running simulator. Dropping it stops it.
///
/// Its methods block for as long as they say and may be called from any thread, also from one that runs an async
/// runtime, as long as that can spare the time.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use apns_sim::{Answer, Effect, Options, Reason, Rule, Simulator, Step};
///
/// let simulator = Simulator::start(Options::default())?;
/// let refusal = Effect::Answer(Answer::refused(Reason::TOO_MANY_REQUESTS));
/// simulator.script([Step::Rule(Rule::token("00fc13adff785122", refusal).times(1))])?;
/// // ... let a provider send to simulator.provider_addr(), trusting simulator.ca_pem() ...
/// assert!(simulator.journal(1).is_empty());
/// simulator.shutdown();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Simulator {
    state: Arc<State>,
    facts: Facts,
    commands: mpsc::Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What does not change while the simulator runs.
#[derive(Debug)]
struct Facts {
    credentials: Credentials,
    provider: SocketAddr,
    control: Option<SocketAddr>,
}

impl Simulator {
    /// Starts one; when this returns, it listens.
    ///
    /// # Errors
    /// When an address is taken, a file cannot be used or an option is not as Apple's, see [`StartError`].
    pub fn start(options: Options) -> Result<Self, StartError> {
        let (credentials, tls) = Credentials::prepare(&options)?;
        let rules = judge::Rules {
            topics: options.topics.clone(),
            keys: credentials.trusted_keys(&options.more_keys)?,
            environment: options.environment,
        };
        let state = Arc::new(State::new(&options, rules, tls));
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let server = Server::bind(Arc::clone(&state), options.listen, options.control)?;
        let facts = Facts {
            credentials,
            provider: server.provider_addr(),
            control: server.control_addr(),
        };
        let thread = server.spawn(inbox)?;
        Ok(Self {
            state,
            facts,
            commands,
            thread: Some(thread),
        })
    }

    /// Where the provider API listens.
    #[must_use]
    pub fn provider_addr(&self) -> SocketAddr {
        self.facts.provider
    }

    /// Where the control API and the page are; `None` when they were not asked for.
    #[must_use]
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.facts.control
    }

    /// The certificate a provider must trust, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.facts.credentials.authority.certificate_pem
    }

    /// The file with [`Self::ca_pem`].
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.facts.credentials.ca_file()
    }

    /// The provider's signing key, PKCS#8 PEM; `None` when [`Options::public_key`] was given.
    #[must_use]
    pub fn signing_key_p8(&self) -> Option<&str> {
        self.facts.credentials.signing_key_p8.as_deref()
    }

    /// The file with [`Self::signing_key_p8`].
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        self.facts.credentials.key_file()
    }

    /// The signing key's id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.facts.credentials.key.key_id
    }

    /// The team's id.
    #[must_use]
    pub fn team_id(&self) -> &str {
        &self.facts.credentials.key.team_id
    }

    /// The bundle ids of the apps that exist.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.state.rules.topics
    }

    /// The file with a client certificate and its key, PEM. Only the topics in [`Self::topics`] have one.
    #[must_use]
    pub fn client_certificate_file(&self, kind: ClientCertificate, topic: &str) -> PathBuf {
        self.facts.credentials.client_certificate_file(kind, topic)
    }

    /// The directory all files are in.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        self.facts.credentials.state_dir.path()
    }

    /// What has arrived, from sequence number `since` on; 0 or 1 for all that is kept.
    #[must_use]
    pub fn journal(&self, since: u64) -> Vec<Arc<Entry>> {
        self.state.journal.read(&Query::all_since(since)).entries
    }

    /// Waits until `count` requests have arrived since the start or the last reset, and returns what is kept.
    ///
    /// # Errors
    /// When `deadline` is over first; says how many came.
    pub fn wait_for(&self, count: u64, deadline: Duration) -> Result<Vec<Arc<Entry>>, TooFew> {
        let waited = self
            .state
            .journal
            .wait_for(count, Instant::now() + deadline);
        waited.map_err(|came| TooFew {
            expected: count,
            came,
            deadline,
        })
    }

    /// Carries out a script, all of it or nothing. Rules hold for requests that arrive after this returned.
    ///
    /// # Errors
    /// When it is more than the simulator keeps.
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) -> Result<(), ScriptError> {
        self.state.run(steps.into_iter().collect())
    }

    /// Carries out a script in the JSON form of `POST /script`.
    ///
    /// # Errors
    /// When it is not understood; says which field is wrong.
    pub fn script_json(&self, json: &str) -> Result<(), ScriptError> {
        self.state.run(script::parse(json.as_bytes())?)
    }

    /// Forgets journal, rules, devices, clock offset and all that scripts changed. Connections stay open.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Provider connections that are open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.state.open_connections()
    }

    /// Provider connections that were made since the start.
    #[must_use]
    pub fn connections_made(&self) -> u64 {
        self.state.connections_made()
    }

    /// Dies as a killed process does: all provider connections are cut, and nothing listens any more. Journal and
    /// rules stay, and so does the control API.
    pub fn kill(&self) {
        self.order(Command::Kill);
    }

    /// Listens again on the same port, after [`Self::kill`].
    ///
    /// # Errors
    /// When another program has taken the port meanwhile.
    pub fn restart(&self) -> Result<(), StartError> {
        self.order(Command::Restart).unwrap_or(Ok(()))
    }

    /// Stops, and removes the state directory unless it was given.
    pub fn shutdown(self) {}

    /// Lets the simulator's thread do something, and waits until it is done.
    fn order<T>(
        &self,
        command: impl FnOnce(std::sync::mpsc::SyncSender<T>) -> Command,
    ) -> Option<T> {
        let (reply, done) = std::sync::mpsc::sync_channel(1);
        self.commands.try_send(command(reply)).ok()?;
        done.recv().ok()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.order(Command::Shutdown);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been told on stderr already.
            let _ = thread.join();
        }
    }
}

/// Fewer requests came than were waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{came} of {expected} requests came within {deadline:?}")]
pub struct TooFew {
    /// How many were waited for.
    pub expected: u64,
    /// How many came.
    pub came: u64,
    /// How long was waited.
    pub deadline: Duration,
}

/// Each caller waits for its command, so no more are under way than threads use the handle.
const COMMANDS: usize = 64;
