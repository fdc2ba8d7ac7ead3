//! A throw-away CA with the server's certificate, and a key for the client's provider tokens.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Writes `ca.pem` and `key.p8` into `folder`; returns the server's side of TLS.
pub(crate) fn make(folder: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let ca_key = KeyPair::generate()?;
    let mut ca = parameters(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let names = NAMES.map(str::to_owned).to_vec();
    let certificate = parameters(names)?.signed_by(&key, &issuer)?;

    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), ca_pem)?;
    // Nobody checks a token here, so it is a key like any other; making the token costs what it costs in life.
    fs::write(folder.join("key.p8"), KeyPair::generate()?.serialize_pem())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn parameters(names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2049, 12, 31);
    Ok(parameters)
}

/// Where it is, and Apple's hosts: some clients can be told of no others.
const NAMES: [&str; 4] = [
    "127.0.0.1",
    "localhost",
    "api.push.apple.com",
    "api.sandbox.push.apple.com",
];
