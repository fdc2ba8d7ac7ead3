//! What handshakes that fail say to an operator.

use rcgen::date_time_ymd;

use super::*;
use crate::event::Alarm;

#[test]
fn a_servers_certificate_that_fails_is_an_alarm_with_the_reason() {
    let authority = Authority::new("a");
    let config = client_config(&authority.roots(), &token()).unwrap();
    let past = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 2);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 2);
    let others = |params: &mut CertificateParams| {
        let names = [
            "a.example",
            "b.example",
            "*.c.example",
            "d.example",
            "e.example",
            "f.example",
        ];
        params.subject_alt_names = names
            .map(|name| SanType::DnsName(name.try_into().unwrap()))
            .to_vec();
    };
    let nameless = |params: &mut CertificateParams| params.subject_alt_names.clear();
    let client_only = |params: &mut CertificateParams| {
        params.insert_extended_key_usage(rcgen::ExtendedKeyUsagePurpose::ClientAuth);
    };
    let question = "is this the right server, and has nobody put another in its place?";
    let clock = "this machine's clock says NOW: is the clock right?";
    let table = [
        (
            Authority::new("a").server(|_| (), |_| ()),
            "the server's certificate is not signed by the trusted authority whose name it bears: if that is one of your own and was made anew, ca_file still holds the old one".to_owned(),
        ),
        (
            Authority::new("stranger").server(|_| (), |_| ()),
            "the server's certificate is from an authority that this machine does not trust: update the package ca-certificates; for a server of your own name its root in ca_file; a firewall that opens TLS looks like this too".to_owned(),
        ),
        (
            authority.server(past, |_| ()),
            format!("the server's certificate ended on 2020-01-02 00:00 UTC; {clock}"),
        ),
        (
            authority.server(future, |_| ()),
            format!("the server's certificate begins on 4000-01-02 00:00 UTC; {clock}"),
        ),
        (
            authority.server(others, |_| ()),
            format!("the server's certificate is not for push.example but for a.example, b.example, *.c.example, d.example, e.example and 1 more: {question}"),
        ),
        (
            authority.server(nameless, |_| ()),
            format!("the server's certificate is not for push.example; it names no host at all: {question}"),
        ),
        (
            authority.server(client_only, |_| ()),
            "the server's certificate is not made for servers".to_owned(),
        ),
    ];
    for (server, expected) in table {
        let error = meet(&config, &server).outcome.unwrap_err();
        let (alarm, sentence) = describe(&error);
        assert_eq!(without_time(&sentence), expected);
        assert_eq!(alarm, Some(Alarm::ServerCertificate));
    }
}

#[test]
fn a_server_without_h2_is_named_so_whether_it_objects_or_not() {
    const NO_H2: &str = "the server does not speak HTTP/2 (no h2 in ALPN): is this an APNs server?";
    let authority = Authority::new("a");
    let config = client_config(&authority.roots(), &token()).unwrap();
    let objects = authority.server(
        |_| (),
        |config| config.alpn_protocols = vec![b"http/1.1".to_vec()],
    );
    let error = meet(&config, &objects).outcome.unwrap_err();
    assert_eq!(describe(&error), (None, NO_H2.to_owned()));

    let silent = authority.server(|_| (), |config| config.alpn_protocols.clear());
    let met = meet(&config, &silent);
    assert_eq!(met.outcome, Ok(()));
    assert_eq!(
        check_alpn(met.client.alpn_protocol()),
        Err(NO_H2.to_owned())
    );
    assert_eq!(check_alpn(Some(b"http/1.1")), Err(NO_H2.to_owned()));
}

#[test]
fn a_client_certificate_that_is_refused_or_missing_is_a_configuration_alarm() {
    let (authority, stranger, namesake) = (
        Authority::new("a"),
        Authority::new("stranger"),
        Authority::new("a"),
    );
    let unknown = "the server refuses our client certificate: it is from an authority that the server does not know; Apple takes those made at developer.apple.com only";
    let missing =
        "the server asks for a client certificate: give certificate_file instead of a signing key";
    let forged = "the server refuses our client certificate: DecryptError; is it an Apple Push Services certificate of this environment, with its whole chain?";
    for (credentials, expected) in [
        (stranger.client_certificate(), unknown),
        (namesake.client_certificate(), forged),
        (token(), missing),
    ] {
        let config = client_config(&authority.roots(), &credentials).unwrap();
        let met = meet(&config, &authority.asking_server(&TLS13));
        let (alarm, sentence) = describe(&met.outcome.unwrap_err());
        assert_eq!((alarm, &*sentence), (Some(Alarm::Configuration), expected));
    }
}

#[test]
fn every_alert_has_a_sentence() {
    for (alert, alarm, expected) in [
        (
            0x2d,
            Some(Alarm::Configuration),
            "the server refuses our client certificate: it has expired; make a new one at developer.apple.com",
        ),
        (
            0x2c,
            Some(Alarm::Configuration),
            "the server refuses our client certificate: it has been revoked; make a new one at developer.apple.com",
        ),
        (
            0x2a,
            Some(Alarm::Configuration),
            "the server refuses our client certificate: BadCertificate; is it an Apple Push Services certificate of this environment, with its whole chain?",
        ),
        (
            0x46,
            None,
            "the server speaks neither TLS 1.2 nor 1.3, which APNs asks for",
        ),
        (
            0x70,
            None,
            "the server says that it does not serve this host name",
        ),
        (
            0x28,
            None,
            "the server finds nothing of TLS in common with this machine (HandshakeFailure); some servers say so when they miss a client certificate",
        ),
        (
            0x50,
            None,
            "the server ended TLS with the alert InternalError",
        ),
        (
            0xee,
            None,
            "the server ended TLS with the alert AlertDescription(0xee)",
        ),
    ] {
        let error = rustls::Error::AlertReceived(alert.into());
        assert_eq!(describe(&error), (alarm, expected.to_owned()));
    }
}

#[test]
fn what_is_no_tls_at_all_is_named_so() {
    let authority = Authority::new("a");
    let config = client_config(&authority.roots(), &token()).unwrap();
    let name = ServerName::try_from("push.example").unwrap();
    let mut client = ClientConnection::new(config, name).unwrap();
    client
        .read_tls(&mut &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..])
        .unwrap();
    let (alarm, sentence) = describe(&client.process_new_packets().unwrap_err());
    assert_eq!(alarm, None);
    assert!(
        sentence.starts_with("what the server sends is not TLS ("),
        "{sentence}"
    );
    assert!(
        sentence.ends_with("): is this the port of another service?"),
        "{sentence}"
    );
}

#[test]
fn names_that_a_server_wrote_are_bounded_and_harmless() {
    let error =
        rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("push.example").unwrap(),
            presented: vec![format!("DnsName(\"a\u{1b}[2J{}\")", "b".repeat(1000))],
        });
    let (_, sentence) = describe(&error);
    assert!(
        sentence.len() < 300 && !sentence.contains('\u{1b}'),
        "{sentence}"
    );
}

/// The sentence with `NOW` for this machine's time.
fn without_time(sentence: &str) -> String {
    match (
        sentence.split_once("clock says "),
        sentence.rsplit_once(" UTC: "),
    ) {
        (Some((before, _)), Some((_, after))) => format!("{before}clock says NOW: {after}"),
        _ => sentence.to_owned(),
    }
}
