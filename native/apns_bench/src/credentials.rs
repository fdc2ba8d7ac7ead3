//! A throw-away CA with the server's certificate, a key for the client's provider tokens, and a client certificate.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Writes `ca.pem`, `key.p8`, `client.pem`, and its own `server.pem` and `server.key` into `folder`; returns the server's side
/// of TLS, which asks for a client certificate and does without one, as Apple's.
pub(crate) fn make(folder: &Path) -> Result<ServerConfig, Box<dyn Error>> {
    let ca_key = KeyPair::generate()?;
    let mut ca = parameters(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Of another name than what it signs: OpenSSL would take that for signed by itself.
    ca.distinguished_name
        .push(DnType::CommonName, "apns_bench CA");
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let names = NAMES.map(str::to_owned).to_vec();
    let mut certificate = parameters(names)?;
    // Newer Pythons take no certificate without it.
    certificate.use_authority_key_identifier_extension = true;
    let certificate = certificate.signed_by(&key, &issuer)?;

    let client_key = KeyPair::generate()?;
    let mut client = parameters(Vec::new())?;
    client
        .distinguished_name
        .push(DnType::CommonName, "apns_bench client");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client_pem = client.signed_by(&client_key, &issuer)?.pem();

    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), ca_certificate.pem())?;
    let client_pem = client_pem + &client_key.serialize_pem();
    fs::write(folder.join("client.pem"), client_pem)?;
    // For another server in its place, which the same clients then trust.
    fs::write(folder.join("server.pem"), certificate.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    // Nobody checks a token here, so it is a key like any other; making the token costs what it costs in life.
    fs::write(folder.join("key.p8"), KeyPair::generate()?.serialize_pem())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca_certificate.der().clone())?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
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

/// Where it is, and Apple's host: some clients can be told of no other.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "api.push.apple.com"];
