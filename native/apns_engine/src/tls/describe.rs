//! What TLS errors mean to an operator: what is wrong, where, and what to do.

use std::fmt::Write;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::event::Alarm;
use crate::utc::utc;

/// The alarm that an error deserves and a sentence for an operator.
///
/// An alarm, if only an operator can end it; none, if it may pass or tells of no certain cause.
pub(crate) fn describe(error: &Error) -> (Option<Alarm>, String) {
    match error {
        Error::InvalidCertificate(error) => {
            (Some(Alarm::ServerCertificate), server_certificate(error))
        }
        Error::NoCertificatesPresented => (
            Some(Alarm::ServerCertificate),
            "the server shows no certificate".to_owned(),
        ),
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::NoApplicationProtocol => (None, NO_H2.to_owned()),
        Error::InvalidMessage(_) => (
            None,
            format!(
                "what the server sends is not TLS ({error}): is this the port of another service?"
            ),
        ),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => (
            None,
            "the server speaks neither TLS 1.2 nor 1.3, which APNs asks for".to_owned(),
        ),
        Error::PeerIncompatible(_) => (
            None,
            format!("this machine and the server have too little of TLS in common: {error}"),
        ),
        _ => (None, format!("TLS failed: {error}")),
    }
}

/// Refuses a server that did not choose `h2`; to be called when the handshake is over.
///
/// # Errors
/// A sentence for an operator.
pub(crate) fn check_alpn(chosen: Option<&[u8]>) -> Result<(), String> {
    match chosen {
        Some(super::H2) => Ok(()),
        _ => Err(NO_H2.to_owned()),
    }
}

fn server_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the server's certificate is from an authority that this machine does not trust: update the package \
             ca-certificates; for a server of your own name its root in ca_file; a firewall that opens TLS looks like \
             this too"
                .to_owned()
        }
        CertificateError::BadSignature => {
            "the server's certificate is not signed by the trusted authority whose name it bears: if that is one of \
             your own and was made anew, ca_file still holds the old one"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let mut sentence = format!("the server's certificate is not for {}", expected.to_str());
            let _ = match &*names(presented) {
                "" => write!(sentence, "; it names no host at all"),
                names => write!(sentence, " but for {names}"),
            };
            sentence + ": is this the right server, and has nobody put another in its place?"
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the server's certificate ended on {}; this machine's clock says {}: is the clock right?",
            utc(not_after.as_secs()),
            utc(time.as_secs())
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the server's certificate begins on {}; this machine's clock says {}: is the clock right?",
            utc(not_before.as_secs()),
            utc(time.as_secs())
        ),
        CertificateError::Revoked => "the server's certificate has been revoked by its authority".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the server's certificate is not made for servers".to_owned()
        }
        _ => format!("the server's certificate cannot be used: {error}"),
    }
}

/// A fatal alert is the server's word about us. Those about certificates speak of our client certificate: in TLS 1.3
/// they come after the handshake has ended on our side.
fn alert_received(alert: AlertDescription) -> (Option<Alarm>, String) {
    use AlertDescription as Alert;
    let refused = |why: &str| {
        let sentence = format!("the server refuses our client certificate: {why}");
        (Some(Alarm::Configuration), sentence)
    };
    match alert {
        Alert::CertificateExpired => refused("it has expired; make a new one at developer.apple.com"),
        Alert::CertificateRevoked => refused("it has been revoked; make a new one at developer.apple.com"),
        Alert::UnknownCA => refused(
            "it is from an authority that the server does not know; Apple takes those made at developer.apple.com only",
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateUnobtainable
        | Alert::AccessDenied
        // Its signature, or its authority's, does not verify.
        | Alert::DecryptError => refused(&format!(
            "{alert:?}; is it an Apple Push Services certificate of this environment, with its whole chain?"
        )),
        Alert::CertificateRequired | Alert::NoCertificate => (
            Some(Alarm::Configuration),
            "the server asks for a client certificate: give certificate_file instead of a signing key".to_owned(),
        ),
        Alert::NoApplicationProtocol => (None, NO_H2.to_owned()),
        Alert::UnrecognisedName => (None, "the server says that it does not serve this host name".to_owned()),
        Alert::ProtocolVersion => {
            (None, "the server speaks neither TLS 1.2 nor 1.3, which APNs asks for".to_owned())
        }
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (
            None,
            format!(
                "the server finds nothing of TLS in common with this machine ({alert:?}); some servers say so when \
                 they miss a client certificate"
            ),
        ),
        _ => (None, format!("the server ended TLS with the alert {alert:?}")),
    }
}

/// The names in a server's certificate, as rustls gives them (`DnsName("a.example")`), bounded: a peer wrote them.
fn names(presented: &[String]) -> String {
    let shown = presented.iter().take(MAX_NAMES).map(|name| {
        let name = name
            .split_once("(\"")
            .and_then(|(_, rest)| rest.strip_suffix("\")"))
            .unwrap_or(name);
        name.chars()
            .filter(|c| !c.is_control())
            .take(MAX_NAME_LEN)
            .collect()
    });
    let mut names = shown.collect::<Vec<String>>().join(", ");
    if let more @ 1.. = presented.len().saturating_sub(MAX_NAMES) {
        let _ = write!(names, " and {more} more");
    }
    names
}

const NO_H2: &str = "the server does not speak HTTP/2 (no h2 in ALPN): is this an APNs server?";
const MAX_NAMES: usize = 5;
const MAX_NAME_LEN: usize = 100;
