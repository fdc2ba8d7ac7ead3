//! A TLS client certificate: its chain and key, how long it is good, and for which topics.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use apns_proto::topic::Topic;
use rustls::InconsistentKeys;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser;
use x509_parser::prelude::FromDer;

use super::MAX_KEY_LEN;
use super::private_key::{self, Key};
use crate::config::{ConfigError, file};
use crate::utc::utc;

/// A client certificate with its chain and key. `Debug` shows no key.
#[derive(Clone)]
pub struct ClientCertificate {
    certified_key: Arc<CertifiedKey>,
    not_before: u64,
    not_after: u64,
    topics: Vec<String>,
}

impl ClientCertificate {
    /// Unix seconds of the last moment at which it is good.
    #[must_use]
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// The topics it is for, with their suffixes; empty: it names none, as those of other authorities than Apple.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.topics
    }

    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified_key)
    }

    /// Reads the certificate and its key, which is in the same file unless `key_file` is given.
    pub(super) fn load(
        path: &Path,
        key_file: Option<&Path>,
        password: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError::new(OPTION, problem);
        let pem = file::read_secret(path, MAX_CERTIFICATE_LEN).map_err(refuse)?;
        let chain = read_chain(path, &pem).map_err(refuse)?;
        let (not_before, not_after, topics) =
            chain.first().and_then(read_leaf).ok_or_else(|| {
                refuse(format!(
                    "the first certificate of {} is damaged: export it again",
                    path.display()
                ))
            })?;
        let key = match key_file {
            Some(key_file) => {
                let pem = file::read_secret(key_file, MAX_KEY_LEN)
                    .map_err(|problem| ConfigError::new("key_file", problem))?;
                private_key::read("key_file", key_file, &pem, password)?
            }
            None => private_key::read(OPTION, path, &pem, password)?,
        };
        let key_option = if key_file.is_some() {
            "key_file"
        } else {
            OPTION
        };
        let certified_key = certify(chain, &key, key_option, key_file.unwrap_or(path), path)?;
        Ok(Self {
            certified_key: Arc::new(certified_key),
            not_before,
            not_after,
            topics,
        })
    }

    pub(super) fn check_time(&self, path: &Path, now_unix: u64) -> Result<(), ConfigError> {
        let (shown, now) = (path.display(), utc(now_unix));
        let problem = if now_unix > self.not_after {
            format!(
                "the certificate in {shown} ended on {}: make a new one at developer.apple.com",
                utc(self.not_after)
            )
        } else if now_unix < self.not_before {
            format!(
                "the certificate in {shown} begins on {}; this machine's clock says {now}: is the clock right?",
                utc(self.not_before)
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::new(OPTION, problem))
    }

    /// Whether it is the very same, with the same chain. The key follows from the certificate.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.certified_key.cert == other.certified_key.cert
    }

    /// A certificate for calls alone names `<topic>.voip` and nothing else; it is of use all the same.
    pub(super) fn check_topic(&self, path: &Path, topic: &Topic) -> Result<(), ConfigError> {
        let is_for = |of: &String| {
            of.strip_prefix(topic.as_str())
                .is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('.'))
        };
        if self.topics.is_empty() || self.topics.iter().any(is_for) {
            return Ok(());
        }
        let names = self
            .topics
            .iter()
            .take(MAX_SHOWN)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let more = match self.topics.len().saturating_sub(MAX_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let problem = format!(
            "the certificate in {} is not for {topic} but for {names}{more}",
            path.display()
        );
        Err(ConfigError::new("topic", problem))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("not_after", &utc(self.not_after))
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

fn read_chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let chain: Vec<_> = rustls_pemfile::certs(&mut &*pem)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{shown} is damaged: a PEM section is cut off or altered"))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    Err(match &*file::pem_labels(pem) {
        "" if is_pkcs12(pem) => format!(
            "{shown} is a PKCS#12 file (.p12), wanted is PEM: openssl pkcs12 -legacy -nodes -in {shown} -out push.pem \
             (without -legacy before OpenSSL 3)"
        ),
        "" if X509Certificate::from_der(pem).is_ok() => format!(
            "{shown} is a bare certificate (.cer), wanted is PEM: openssl x509 -inform der -in {shown} -out push.pem, \
             then append its key or name it in key_file"
        ),
        "" => format!("{shown} is not PEM: wanted is a text file with -----BEGIN CERTIFICATE-----"),
        labels => format!("{shown} holds no certificate but {labels}: append the certificate"),
    })
}

/// Begins as RFC 7292 §4 says: a SEQUENCE whose first member is the INTEGER 3.
fn is_pkcs12(der: &[u8]) -> bool {
    let ([0x30, 0x80, content @ ..]
    | [0x30, 0x81, _, content @ ..]
    | [0x30, 0x82, _, _, content @ ..]
    | [0x30, 0x83, _, _, _, content @ ..]) = der
    else {
        return false;
    };
    content.starts_with(&[0x02, 0x01, 0x03])
}

/// First and last moment in Unix seconds, and the topics.
fn read_leaf(der: &CertificateDer<'_>) -> Option<(u64, u64, Vec<String>)> {
    let (_, leaf) = X509Certificate::from_der(der).ok()?;
    let unix = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let validity = leaf.validity();
    Some((
        unix(validity.not_before),
        unix(validity.not_after),
        read_topics(&leaf),
    ))
}

/// The topics in Apple's extension; without it, the one in the subject's user id.
fn read_topics(leaf: &X509Certificate<'_>) -> Vec<String> {
    let mut extensions = leaf.extensions().iter();
    if let Some(extension) = extensions.find(|extension| extension.oid.to_id_string() == TOPICS_OID)
    {
        return topics_in_extension(extension.value);
    }
    let attributes = leaf.subject().iter_attributes();
    attributes
        .filter(|attribute| attribute.attr_type().to_id_string() == USER_ID_OID)
        .filter_map(|attribute| attribute.as_str().ok().map(str::to_owned))
        .collect()
}

/// A SEQUENCE in which each topic, a UTF8String, is followed by a SEQUENCE that says what kind it is. An extension of
/// any other shape names no topic: Apple, not we, has the last word.
fn topics_in_extension(der: &[u8]) -> Vec<String> {
    let Ok((_, sequence)) = der_parser::parse_der(der) else {
        return Vec::new();
    };
    let members = sequence
        .as_sequence()
        .map(Vec::as_slice)
        .unwrap_or_default();
    members
        .iter()
        .filter_map(|member| member.as_str().ok().map(str::to_owned))
        .collect()
}

/// Loads the key, and checks that it is the one of the chain's first certificate.
fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: &Key,
    key_option: &'static str,
    key_path: &Path,
    path: &Path,
) -> Result<CertifiedKey, ConfigError> {
    // Not `CertifiedKey::from_der`, which takes a key for good and does not wipe it.
    let certified = any_supported_type(key).and_then(|signing_key| {
        let certified = CertifiedKey::new(chain, signing_key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(certified)
            }
            Err(error) => Err(error),
        }
    });
    certified.map_err(|error| {
        let problem = match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key in {} is not that of the first certificate in {}; the app's own certificate must come first",
                key_path.display(),
                path.display()
            ),
            _ => format!(
                "the key in {} cannot be used: wanted is an RSA key of 2048 to 8192 bits, or P-256 or P-384",
                key_path.display()
            ),
        };
        ConfigError::new(key_option, problem)
    })
}

const OPTION: &str = "certificate_file";
/// Topics of a certificate for several ("Communicating with APNs").
const TOPICS_OID: &str = "1.2.840.113635.100.6.3.6";
/// RFC 4519 §2.39; Apple puts the bundle id there.
const USER_ID_OID: &str = "0.9.2342.19200300.100.1.1";
/// Chain and key have some 10 KB.
const MAX_CERTIFICATE_LEN: u64 = 256 << 10;
/// Topics shown in an error at most.
const MAX_SHOWN: usize = 5;
