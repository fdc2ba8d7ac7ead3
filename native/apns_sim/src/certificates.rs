//! The throw-away CA, the server certificates under it, and the TLS side of the provider API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::refusing_verifier::RefusingVerifier;
use crate::start_error::StartError;

/// A certificate authority of our own. Server and client certificates come from the same one.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What a provider must trust.
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn make() -> Result<Self, StartError> {
        Self::make_named(NAME)
    }

    fn make_named(name: &str) -> Result<Self, StartError> {
        let key = KeyPair::generate()?;
        let certificate_pem = parameters(name).self_signed(&key)?.pem();
        Ok(Self {
            key_pem: key.serialize_pem(),
            issuer: Issuer::new(parameters(name), key),
            certificate_pem,
        })
    }

    /// Takes up an authority made before: its name is the same each time, so its key is all that matters.
    pub(crate) fn load(certificate_pem: String, key_pem: String) -> Result<Self, StartError> {
        let issuer = Issuer::new(parameters(NAME), KeyPair::from_pem(&key_pem)?);
        Ok(Self {
            issuer,
            certificate_pem,
            key_pem,
        })
    }

    pub(crate) fn sign(
        &self,
        parameters: &CertificateParams,
        key: &KeyPair,
    ) -> Result<rcgen::Certificate, StartError> {
        Ok(parameters.signed_by(key, &self.issuer)?)
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut parameters);
    parameters
}

/// How the server presents itself in the TLS handshake; a script can change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFace {
    /// A good certificate and ALPN `h2`.
    #[default]
    Normal,
    /// A certificate that ended in 2021.
    ExpiredCertificate,
    /// A certificate for another host.
    WrongName,
    /// A certificate of an authority that nobody trusts.
    UnknownAuthority,
    /// A good certificate, and no ALPN in the answer.
    NoAlpn,
    /// A good certificate; a provider that shows one of its own is refused with the alert `certificate_revoked`. In
    /// TLS 1.3 that comes after the provider's handshake is done.
    RefuseClientCertificate,
}

/// The TLS configurations, one for each face.
pub(crate) struct TlsFaces {
    normal: Arc<rustls::ServerConfig>,
    expired: Arc<rustls::ServerConfig>,
    wrong_name: Arc<rustls::ServerConfig>,
    unknown_authority: Arc<rustls::ServerConfig>,
    no_alpn: Arc<rustls::ServerConfig>,
    refuse_client_certificate: Arc<rustls::ServerConfig>,
}

impl TlsFaces {
    pub(crate) fn make(authority: &Authority) -> Result<Self, StartError> {
        let normal = server_certificate(apples_names()?, valid);
        let expired = server_certificate(apples_names()?, expired);
        let mut other = CertificateParams::new(vec!["wrong.example".to_owned()])?;
        valid(&mut other);
        let stranger = Authority::make_named("apns_sim CA that nobody trusts")?;
        let verifier = verifier(authority)?;
        let config = |signer, parameters| server_config(signer, Arc::clone(&verifier), parameters);
        let normal_config = config(authority, &normal)?;
        let refusing: Arc<dyn ClientCertVerifier> =
            Arc::new(RefusingVerifier(Arc::clone(&verifier)));
        let mut no_alpn = normal_config.clone();
        no_alpn.alpn_protocols.clear();
        Ok(Self {
            expired: Arc::new(config(authority, &expired)?),
            wrong_name: Arc::new(config(authority, &other)?),
            unknown_authority: Arc::new(config(&stranger, &normal)?),
            no_alpn: Arc::new(no_alpn),
            refuse_client_certificate: Arc::new(server_config(authority, refusing, &normal)?),
            normal: Arc::new(normal_config),
        })
    }

    pub(crate) fn config(&self, face: TlsFace) -> Arc<rustls::ServerConfig> {
        Arc::clone(match face {
            TlsFace::Normal => &self.normal,
            TlsFace::ExpiredCertificate => &self.expired,
            TlsFace::WrongName => &self.wrong_name,
            TlsFace::UnknownAuthority => &self.unknown_authority,
            TlsFace::NoAlpn => &self.no_alpn,
            TlsFace::RefuseClientCertificate => &self.refuse_client_certificate,
        })
    }
}

/// A client certificate is asked for and not demanded, as Apple does on its one port for both ways to authenticate.
fn verifier(clients: &Authority) -> Result<Arc<dyn ClientCertVerifier>, StartError> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(clients.certificate_pem.as_bytes());
    roots.add(root.map_err(|_| StartError::StoredAuthority)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|_| StartError::StoredAuthority)
}

/// TLS 1.2 or newer.
fn server_config(
    signer: &Authority,
    verifier: Arc<dyn ClientCertVerifier>,
    parameters: &CertificateParams,
) -> Result<rustls::ServerConfig, StartError> {
    let key = KeyPair::generate()?;
    let certificate = signer.sign(parameters, &key)?.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn server_certificate(names: Vec<SanType>, dates: fn(&mut CertificateParams)) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "api.push.apple.com (apns_sim)");
    parameters.subject_alt_names = names;
    dates(&mut parameters);
    parameters
}

fn apples_names() -> Result<Vec<SanType>, StartError> {
    let hosts = [
        "localhost",
        "api.push.apple.com",
        "api.sandbox.push.apple.com",
        "api.development.push.apple.com",
    ];
    let mut names = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    for host in hosts {
        names.push(SanType::DnsName(host.try_into()?));
    }
    Ok(names)
}

/// Fixed dates: a machine whose clock is off by a year can still run the simulator.
pub(crate) fn valid(parameters: &mut CertificateParams) {
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2049, 12, 31);
}

pub(crate) fn expired(parameters: &mut CertificateParams) {
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2021, 1, 1);
}

const NAME: &str = "apns_sim throw-away CA";
pub(crate) const ALPN: &[u8] = b"h2";
