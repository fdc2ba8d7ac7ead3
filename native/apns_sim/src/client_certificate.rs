//! Client certificates, the older way for a provider to say who it is: issued as Apple's look, and read back from
//! a TLS handshake.
//!
//! The subject's UID is the app's topic; an extension of Apple's lists further topics. Sources: Apple archive,
//! "Communicating with APNs"; the names in the subject are those of Apple's own certificates.

use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, KeyPair};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::certificates::{Authority, expired, valid};
use crate::options::Environment;
use crate::push_type::PushType;
use crate::start_error::StartError;

/// A kind of client certificate the simulator can issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Good for both environments, with the topics of all push types.
    Good,
    /// Ended in 2021: the TLS handshake fails.
    Expired,
    /// For the development environment only; production answers `BadCertificateEnvironment`.
    Development,
    /// Names no topic: `BadCertificate`.
    WithoutTopic,
}

impl ClientCertificate {
    pub(crate) const ALL: [Self; 4] = [
        Self::Good,
        Self::Expired,
        Self::Development,
        Self::WithoutTopic,
    ];

    /// The file it has in the state directory.
    pub(crate) fn file_name(self, topic: &str) -> String {
        let kind = match self {
            Self::Good => "",
            Self::Expired => "_expired",
            Self::Development => "_development",
            Self::WithoutTopic => "_without_topic",
        };
        format!("client_{topic}{kind}.pem")
    }

    /// Issues one with a new key: certificate and key, PEM.
    pub(crate) fn issue(self, authority: &Authority, topic: &str) -> Result<String, StartError> {
        let mut parameters = CertificateParams::default();
        let service = match self {
            Self::Development => DEVELOPMENT_SERVICE,
            _ => SERVICE,
        };
        parameters
            .distinguished_name
            .push(DnType::CommonName, format!("{service}: {topic}"));
        if self != Self::WithoutTopic {
            parameters
                .distinguished_name
                .push(DnType::CustomDnType(UID.to_vec()), topic);
            let topics = CustomExtension::from_oid_content(TOPICS, encode_topics(topic));
            parameters.custom_extensions.push(topics);
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        match self {
            Self::Expired => expired(&mut parameters),
            _ => valid(&mut parameters),
        }
        let key = KeyPair::generate()?;
        let certificate = authority.sign(&parameters, &key)?;
        Ok(certificate.pem() + &key.serialize_pem())
    }
}

/// What a verified client certificate says of its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientIdentity {
    /// Whole topics, suffixes included.
    pub(crate) topics: Vec<String>,
    pub(crate) environment: Environment,
}

impl ClientIdentity {
    /// Reads the certificate; one that cannot be read names no topic, and is judged so.
    pub(crate) fn read(certificate: &[u8]) -> Self {
        let mut identity = Self {
            topics: Vec::new(),
            environment: Environment::Production,
        };
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return identity;
        };
        for attribute in certificate.subject().iter_attributes() {
            let Ok(text) = attribute.as_str() else {
                continue;
            };
            if attribute
                .attr_type()
                .iter()
                .is_some_and(|oid| oid.eq(UID.iter().copied()))
            {
                identity.topics.push(text.to_owned());
            } else if text.starts_with(DEVELOPMENT_SERVICE) {
                identity.environment = Environment::Development;
            }
        }
        for extension in certificate.extensions() {
            if extension
                .oid
                .iter()
                .is_some_and(|oid| oid.eq(TOPICS.iter().copied()))
            {
                identity.topics.extend(decode_topics(extension.value));
            }
        }
        identity.topics.sort();
        identity.topics.dedup();
        identity
    }
}

/// Apple's extension: a sequence in which each topic is followed by a sequence of what it is for.
fn encode_topics(bundle: &str) -> Vec<u8> {
    let mut suffixes: Vec<&str> = PushType::all()
        .map(|push_type| push_type.topic_suffix)
        .collect();
    suffixes.sort_unstable();
    suffixes.dedup();
    let mut content = Vec::new();
    for suffix in suffixes {
        content.extend(der(UTF8_STRING, format!("{bundle}{suffix}").as_bytes()));
        content.extend(der(SEQUENCE, &der(UTF8_STRING, b"app")));
    }
    der(SEQUENCE, &content)
}

fn decode_topics(value: &[u8]) -> Vec<String> {
    let Ok((_, outer)) = x509_parser::der_parser::parse_der(value) else {
        return Vec::new();
    };
    let Ok(items) = outer.as_sequence() else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| item.as_str().ok())
        .map(str::to_owned)
        .collect()
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => bytes.extend(length.iter().rev().take(1)),
        _ => {
            let significant = length.iter().skip_while(|byte| **byte == 0);
            bytes.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(0));
            bytes.extend(significant);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

const UTF8_STRING: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const UID: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 1];
const TOPICS: &[u64] = &[1, 2, 840, 113_635, 100, 6, 3, 6];
const SERVICE: &str = "Apple Push Services";
const DEVELOPMENT_SERVICE: &str = "Apple Development IOS Push Services";

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn issued(kind: ClientCertificate) -> ClientIdentity {
        let authority = Authority::make().unwrap();
        let pem = kind.issue(&authority, "im.example.chat").unwrap();
        ClientIdentity::read(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
    }

    #[test]
    fn a_good_certificate_names_the_topics_of_all_push_types() {
        let identity = issued(ClientCertificate::Good);
        assert_eq!(identity.environment, Environment::Production);
        for topic in [
            "im.example.chat",
            "im.example.chat.voip",
            "im.example.chat.push-type.liveactivity",
        ] {
            assert!(
                identity.topics.iter().any(|named| named == topic),
                "{topic}: {identity:?}"
            );
        }
    }

    #[test]
    fn the_other_kinds_say_what_they_are() {
        assert_eq!(
            issued(ClientCertificate::Development).environment,
            Environment::Development
        );
        assert!(issued(ClientCertificate::WithoutTopic).topics.is_empty());
        assert!(ClientIdentity::read(b"no certificate").topics.is_empty());
    }
}
