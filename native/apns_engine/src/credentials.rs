//! Who we are to Apple: a signing key for provider tokens, or a client certificate.

use std::fmt;

use apns_proto::provider_token::{KeyId, SigningKey, TeamId};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Who we are to Apple. `Debug` shows no key.
#[non_exhaustive]
pub enum Credentials {
    /// Provider tokens signed with a `.p8` key.
    Token {
        /// Signs the tokens.
        key: SigningKey,
        /// The key's id, the token's `kid`.
        key_id: KeyId,
        /// The team's id, the token's `iss`.
        team_id: TeamId,
    },
    /// A TLS client certificate.
    Certificate(ClientCertificate),
}

/// A TLS client certificate with its chain and key. `Debug` shows no key.
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    not_after: u64,
    topics: Vec<String>,
}

impl ClientCertificate {
    /// Unix seconds of its last valid moment.
    #[must_use]
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Topics it is made for; empty when it names none.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(crate) fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
