//! Handshakes in memory between our config and rustls servers with certificates of rcgen's.

mod sentences;

use std::fs;
use std::io::{Read, Write};
use std::net::IpAddr;

use apns_proto::provider_token::{KeyId, SigningKey, TeamId};
use apns_proto::topic::Topic;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{
    ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};

use super::*;
use crate::config::Options;

/// A throw-away authority with its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn roots(&self) -> Roots {
        Roots::load(RootSource::File(self.directory.path().join("ca.pem"))).unwrap()
    }

    /// A server with a certificate for `push.example`, good at all times and with `h2`, but for the changes.
    fn server(
        &self,
        change_certificate: impl FnOnce(&mut CertificateParams),
        change_config: impl FnOnce(&mut ServerConfig),
    ) -> Arc<ServerConfig> {
        let mut config = self.config(
            &[&TLS13, &TLS12],
            WebPkiClientVerifier::no_client_auth(),
            change_certificate,
        );
        change_config(&mut config);
        Arc::new(config)
    }

    /// A server that asks for a client certificate of this authority.
    fn asking_server(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let mut clients = RootCertStore::empty();
        clients.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(clients.into(), provider);
        Arc::new(self.config(&[version], verifier.build().unwrap(), |_| ()))
    }

    fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        verifier: Arc<dyn ClientCertVerifier>,
        change_certificate: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["push.example".to_owned()]).unwrap();
        change_certificate(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    fn client_certificate(&self) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.insert_extended_key_usage(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = self.directory.path().join("client.pem");
        fs::write(&path, certificate.pem() + &key.serialize_pem()).unwrap();
        let options = Options {
            certificate_file: Some(path),
            ..Options::default()
        };
        Credentials::load(
            &options,
            &Topic::parse("com.example.chat").unwrap(),
            1_800_000_000,
        )
        .unwrap()
    }
}

fn token() -> Credentials {
    let pem = KeyPair::generate().unwrap().serialize_pem();
    Credentials::Token {
        key: SigningKey::from_p8_pem(pem.as_bytes()).unwrap(),
        key_id: KeyId::parse("ABC123DEFG").unwrap(),
        team_id: TeamId::parse("DEF123GHIJ").unwrap(),
    }
}

/// Lets both sides talk until neither has more to say; what the client makes of it.
fn talk(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), rustls::Error> {
    for _ in 0..20 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &*bytes;
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
        }
        // A server that refuses leaves an alert to be written.
        let _ = server.process_new_packets();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        if bytes.is_empty() && !client.wants_write() {
            return Ok(());
        }
        let mut rest = &*bytes;
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
    }
    panic!("the handshake does not end");
}

struct Met {
    client: ClientConnection,
    server: ServerConnection,
    outcome: Result<(), rustls::Error>,
}

fn meet_at(name: &str, config: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Met {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    let outcome = talk(&mut client, &mut server);
    Met {
        client,
        server,
        outcome,
    }
}

fn meet(config: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Met {
    meet_at("push.example", config, server)
}

#[test]
fn mozillas_roots_hold_the_one_that_apples_chain_ends_in() {
    let name = b"USERTrust RSA Certification Authority";
    let held = webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| {
        root.subject
            .as_ref()
            .windows(name.len())
            .any(|window| window == name)
    });
    assert!(held);
}

#[test]
fn system_and_mozilla_are_trusted_together_and_a_file_alone() {
    let together = Roots::load(RootSource::SystemAndMozilla).unwrap();
    assert!(together.store().len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    assert_eq!(
        together.store().len() == webpki_roots::TLS_SERVER_ROOTS.len(),
        !together.warnings().is_empty(),
        "{:?}",
        together.warnings()
    );
    let authority = Authority::new("a");
    let alone = authority.roots();
    assert_eq!((alone.store().len(), alone.warnings().len()), (1, 0));
}

#[test]
fn reloading_sees_what_has_changed_in_the_file() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let roots = old.roots();
    let server = new.server(|_| (), |_| ());
    let config = client_config(&roots, &token()).unwrap();
    assert!(meet(&config, &server).outcome.is_err());
    fs::write(old.directory.path().join("ca.pem"), new.issuer.pem()).unwrap();
    let config = client_config(&roots.reload().unwrap(), &token()).unwrap();
    assert_eq!(meet(&config, &server).outcome, Ok(()));
    fs::remove_file(old.directory.path().join("ca.pem")).unwrap();
    assert!(
        roots
            .reload()
            .unwrap_err()
            .to_string()
            .starts_with("cannot read ")
    );
}

#[test]
fn both_versions_are_spoken_and_h2_is_agreed_upon() {
    let authority = Authority::new("a");
    let config = client_config(&authority.roots(), &token()).unwrap();
    for version in [&TLS13, &TLS12] {
        let server = authority.config(&[version], WebPkiClientVerifier::no_client_auth(), |_| ());
        let met = meet(&config, &Arc::new(server));
        assert_eq!(met.outcome, Ok(()));
        assert_eq!(met.client.protocol_version(), Some(version.version));
        assert_eq!(check_alpn(met.client.alpn_protocol()), Ok(()));
    }
}

#[test]
fn an_ip_address_is_checked_as_a_name_is() {
    let authority = Authority::new("a");
    let config = client_config(&authority.roots(), &token()).unwrap();
    let ip: IpAddr = "127.0.0.1".parse().unwrap();
    let server = authority.server(
        |params| params.subject_alt_names = vec![SanType::IpAddress(ip)],
        |_| (),
    );
    assert_eq!(meet_at("127.0.0.1", &config, &server).outcome, Ok(()));
    assert!(meet_at("::1", &config, &server).outcome.is_err());
    assert!(meet_at("push.example", &config, &server).outcome.is_err());
}

#[test]
fn a_client_certificate_is_shown_to_servers_that_ask_for_one() {
    let authority = Authority::new("a");
    for version in [&TLS13, &TLS12] {
        let server = authority.asking_server(version);
        let config = client_config(&authority.roots(), &authority.client_certificate()).unwrap();
        let met = meet(&config, &server);
        assert_eq!(met.outcome, Ok(()));
        assert_eq!(met.server.peer_certificates().unwrap().len(), 1);
    }
}

#[test]
fn sessions_are_resumed_within_a_config_only_and_without_early_data() {
    let authority = Authority::new("a");
    let server = authority.server(|_| (), |config| config.max_early_data_size = 16_384);
    let config = client_config(&authority.roots(), &token()).unwrap();
    let kind = |config: &Arc<ClientConfig>| {
        let mut met = meet(config, &server);
        met.outcome.unwrap();
        // The tickets come with the server's first data.
        met.server.writer().write_all(b"!").unwrap();
        talk(&mut met.client, &mut met.server).unwrap();
        met.client.reader().read_exact(&mut [0]).unwrap();
        assert!(!met.client.is_early_data_accepted());
        met.client.handshake_kind()
    };
    assert_eq!(kind(&config), Some(HandshakeKind::Full));
    assert_eq!(kind(&config), Some(HandshakeKind::Resumed));
    let next = client_config(&authority.roots(), &token()).unwrap();
    assert_eq!(kind(&next), Some(HandshakeKind::Full));
}
