//! Why the simulator did not start. Each text says what to change.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`Simulator::start`](crate::Simulator::start) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the state directory cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    StateDir {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state directory's `ca.pem` or `ca_key.pem` is not what the simulator wrote.
    #[error(
        "the state directory's ca.pem or ca_key.pem is damaged; remove both and new ones are made"
    )]
    StoredAuthority,
    /// The key file is neither a P-256 public key nor a .p8.
    #[error(
        "{} is neither a PEM public key on P-256 nor a .p8 signing key; \
         make the first from the second with: openssl ec -in AuthKey_XXXXXXXXXX.p8 -pubout",
        path.display()
    )]
    PublicKey {
        /// The file.
        path: PathBuf,
    },
    /// A key id or team id has not Apple's shape.
    #[error("{what} {value:?} is not ten characters of A-Z and 0-9, as Apple's are")]
    Identifier {
        /// `key id` or `team id`.
        what: &'static str,
        /// What was given.
        value: String,
    },
    /// A topic is no bundle id.
    #[error(
        "topic {0:?} is no bundle id: letters, digits, '.', '-' and '_', at most 255 bytes, like im.example.chat"
    )]
    Topic(String),
    /// No certificate could be made.
    #[error("cannot make certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The simulator's thread or its runtime could not be started.
    #[error("cannot start the simulator's thread: {0}")]
    Thread(#[source] io::Error),
}
