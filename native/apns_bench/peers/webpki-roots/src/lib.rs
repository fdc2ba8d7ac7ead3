//! In the place of Mozilla's roots, for a client that trusts nothing else and cannot be told to: the certificate in the
//! file that the environment's `SSL_CERT_FILE` names.
//!
//! Cargo puts it there (`[patch]` in the workspace's file), so the client is measured as it was published.

use std::env;
use std::sync::LazyLock;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};

/// Under the name, and used in the way, of what it stands in for. Empty if there is no such certificate: nothing is
/// trusted then, and the client says so.
pub static TLS_SERVER_ROOTS: LazyLock<Vec<TrustAnchor<'static>>> =
    LazyLock::new(|| own_root().into_iter().collect());

fn own_root() -> Option<TrustAnchor<'static>> {
    let file = env::var_os("SSL_CERT_FILE")?;
    let certificate = CertificateDer::from_pem_file(file).ok()?;
    let anchor = webpki::anchor_from_trusted_cert(&certificate).ok()?;
    Some(anchor.to_owned())
}
