//! The program's options and the line it prints when it is ready.

use std::net::SocketAddr;
use std::path::PathBuf;

use apns_sim::{ClientCertificate, Environment, ListenerMode, Options, Simulator};
use clap::{Parser, ValueEnum};
use serde_json::{Map, Value, json};

/// Apple's push notification service on this machine: for tests, demos and development.
///
/// Speaks the HTTP/2 provider API over TLS, judges requests as Apple does, shows the phones on a web page, and does
/// what scripts say (any answer, GOAWAY, REFUSED_STREAM, stalls, cuts). It delivers nothing to real phones.
///
/// When it is ready it prints one line of JSON on stdout: ports, the file with the certificate to trust, the signing
/// key to use, and the page's address. It runs until SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "apns_sim", version, after_long_help = EXAMPLES, after_help = "More and examples: --help", max_term_width = 100)]
pub(crate) struct Cli {
    /// Where the provider API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Where the control API and the page listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    control: SocketAddr,

    /// Let others than this machine connect; without it only loopback addresses are taken. Who reaches the control
    /// API reads all payloads
    #[arg(long)]
    public: bool,

    /// A bundle id that exists; may be given several times. Suffixes like .voip belong to the push types and are
    /// not given
    #[arg(
        long = "topic",
        value_name = "BUNDLE_ID",
        default_value = "im.example.chat"
    )]
    topics: Vec<String>,

    /// Which of Apple's environments to be: development answers carry apns-unique-id, production refuses
    /// development certificates
    #[arg(long, value_enum, default_value_t = Env::Development)]
    environment: Env,

    /// Team id of the provider's key: ten of A-Z and 0-9
    #[arg(long, value_name = "TEAM", default_value = "SIMTEAM001")]
    team_id: String,

    /// Key id of the provider's key: ten of A-Z and 0-9
    #[arg(long, value_name = "KEY", default_value = "SIMKEY0001")]
    key_id: String,

    /// The provider's own key, a PEM public key or the .p8; without it a throw-away key is made
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,

    /// Keep CA, key and client certificates in this directory, and use again what is there; without it they are in
    /// a private temporary directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Streams a connection may have open after its first authenticated request
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_streams: u32,

    /// Entries the journal keeps; older ones are dropped and counted
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    journal: usize,

    /// How providers that connect are met; a script can change it
    #[arg(long, value_enum, default_value_t = Listener::Serve)]
    listener: Listener,

    /// End when stdin does: for tests, so that no simulator outlives the one who started it
    #[arg(long)]
    pub(crate) exit_with_stdin: bool,

    /// Tell on stderr what arrives; of a device token only the first eight characters
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Env {
    Development,
    Production,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Listener {
    /// TLS, HTTP/2, answers
    Serve,
    /// Accept TCP and never send a byte
    Silent,
    /// Do the TLS handshake and never send a byte of HTTP/2
    SilentAfterTls,
    /// Accept TCP and close it at once
    Cut,
}

impl Cli {
    /// The library's options; an error is a sentence.
    pub(crate) fn options(&self) -> Result<Options, String> {
        for (option, address) in [("--listen", self.listen), ("--control", self.control)] {
            if !address.ip().is_loopback() && !self.public {
                return Err(format!(
                    "{option} {address} is not a loopback address; add --public if other machines are to reach it"
                ));
            }
        }
        Ok(Options {
            listen: self.listen,
            control: Some(self.control),
            topics: self.topics.clone(),
            environment: match self.environment {
                Env::Development => Environment::Development,
                Env::Production => Environment::Production,
            },
            key_id: self.key_id.clone(),
            team_id: self.team_id.clone(),
            public_key: self.public_key.clone(),
            state_dir: self.state_dir.clone(),
            max_streams: self.max_streams,
            journal_entries: self.journal,
            listener: match self.listener {
                Listener::Serve => ListenerMode::Serve,
                Listener::Silent => ListenerMode::Silent,
                Listener::SilentAfterTls => ListenerMode::SilentAfterTls,
                Listener::Cut => ListenerMode::Cut,
            },
            verbose: self.verbose,
            ..Options::default()
        })
    }
}

/// All that a provider and a test need to know, as one line of JSON.
pub(crate) fn ready_line(simulator: &Simulator) -> String {
    let certificates: Map<String, Value> = simulator
        .topics()
        .iter()
        .map(|topic| {
            let file = |kind| simulator.client_certificate_file(kind, topic);
            let files = json!({
                "good": file(ClientCertificate::Good),
                "expired": file(ClientCertificate::Expired),
                "development": file(ClientCertificate::Development),
                "without_topic": file(ClientCertificate::WithoutTopic),
            });
            (topic.clone(), files)
        })
        .collect();
    let control = simulator.control_addr();
    let provider = simulator.provider_addr();
    json!({
        "provider": { "port": provider.port(), "url": format!("https://{provider}") },
        "control": { "port": control.map(|address| address.port()) },
        "page": control.map(|address| format!("http://{address}/")),
        "ca_file": simulator.ca_file(),
        "key_file": simulator.key_file(),
        "key_id": simulator.key_id(),
        "team_id": simulator.team_id(),
        "topics": simulator.topics(),
        "client_certificate_files": certificates,
        "state_dir": simulator.state_dir(),
    })
    .to_string()
}

const EXAMPLES: &str = "\
Examples:
  Start it, with the page and the provider API on ports you know:
    apns_sim --listen 127.0.0.1:2197 --control 127.0.0.1:2198 --topic im.example.chat

  Keep the CA and the key, so that a server need not be configured anew next time:
    apns_sim --state-dir ~/.local/share/apns_sim --listen 127.0.0.1:2197

  Let it know the key you already have:
    apns_sim --team-id DEF123GHIJ --key-id ABC123DEFG --public-key AuthKey_ABC123DEFG.p8

  See what has arrived, and wait for more:
    curl http://127.0.0.1:2198/journal
    curl 'http://127.0.0.1:2198/journal?since=5&wait_ms=10000'

  Uninstall the app from a phone; answer one push with 429; end all connections with GOAWAY:
    curl -d '{\"unregister\":\"00fc13adff785122\"}' http://127.0.0.1:2198/script
    curl -d '{\"reason\":\"TooManyRequests\",\"retry_after\":10,\"times\":1}' http://127.0.0.1:2198/script
    curl -d '{\"now\":\"goaway\",\"reason\":\"Shutdown\"}' http://127.0.0.1:2198/script

Exit status: 0 after SIGTERM, SIGINT or the end of stdin; 1 when it cannot start; 2 when an option is wrong.";
