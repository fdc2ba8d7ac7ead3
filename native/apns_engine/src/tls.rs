//! TLS: whom we trust, how we prove who we are, and (in `describe`) what its errors mean to an operator.
//!
//! There is no switch that turns a check off. A server of your own gets a `ca_file`.

mod describe;
mod roots;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};

pub(crate) use self::describe::{check_alpn, describe};
pub(crate) use self::roots::{RootSource, Roots};
use crate::credentials::Credentials;

/// TLS cannot be set up; `Display` is a sentence for an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TlsError(String);

/// How one app speaks TLS: 1.2 or 1.3, `h2` alone in ALPN, the server's certificate and name checked.
///
/// Sessions are resumed within this config only: with new roots or a new client certificate comes a new config, so
/// that no connection goes on under what an older one proved. Early data is never sent: it can be replayed, and a
/// replayed push rings twice.
///
/// # Errors
/// None that roots and credentials made by this crate are known to cause.
pub(crate) fn client_config(
    roots: &Roots,
    credentials: &Credentials,
) -> Result<Arc<ClientConfig>, TlsError> {
    // Named here, not installed for the process: the VM may hold other libraries with a provider of their own.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| TlsError(format!("cannot set up TLS: {error}")))?
        .with_root_certificates(roots.store());
    let mut config = match credentials {
        Credentials::Token { .. } => builder.with_no_client_auth(),
        Credentials::Certificate(certificate) => builder.with_client_cert_resolver(Arc::new(
            SingleCertAndKey::from(certificate.certified_key()),
        )),
    };
    config.alpn_protocols = vec![H2.to_vec()];
    config.resumption = Resumption::in_memory_sessions(RESUMABLE_SERVERS);
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

const H2: &[u8] = b"h2";
/// A config meets one server name.
const RESUMABLE_SERVERS: usize = 1;

#[cfg(test)]
mod tests;
