//! What the simulator is and trusts: its authority, the provider's key, the client certificates it hands out.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;

use crate::certificates::{Authority, TlsFaces};
use crate::client_certificate::ClientCertificate;
use crate::options::Options;
use crate::provider_token::TrustedKey;
use crate::start_error::StartError;
use crate::state_dir::StateDir;

/// All of it, made or taken from the state directory.
pub(crate) struct Credentials {
    pub(crate) authority: Authority,
    pub(crate) key: TrustedKey,
    /// The throw-away signing key's PEM; `None` when the provider brought its own.
    pub(crate) signing_key_p8: Option<String>,
    pub(crate) state_dir: StateDir,
}

impl Credentials {
    pub(crate) fn prepare(options: &Options) -> Result<(Self, TlsFaces), StartError> {
        check_identifier("key id", &options.key_id)?;
        check_identifier("team id", &options.team_id)?;
        options
            .topics
            .iter()
            .try_for_each(|topic| check_topic(topic))?;
        let state_dir = StateDir::open(options.state_dir.as_deref())?;
        let authority = authority(&state_dir)?;
        let (public_point, signing_key_p8) = match &options.public_key {
            Some(path) => (public_point(path)?, None),
            None => signing_key(&state_dir, &options.key_id)?,
        };
        for topic in &options.topics {
            client_certificates(&state_dir, &authority, topic)?;
        }
        let tls = TlsFaces::make(&authority)?;
        let key = TrustedKey {
            key_id: options.key_id.clone(),
            team_id: options.team_id.clone(),
            public_point,
        };
        Ok((
            Self {
                authority,
                key,
                signing_key_p8,
                state_dir,
            },
            tls,
        ))
    }

    /// The key, and further ones of the same team.
    pub(crate) fn trusted_keys(
        &self,
        more: &[(String, PathBuf)],
    ) -> Result<Vec<TrustedKey>, StartError> {
        let mut keys = vec![self.key.clone()];
        for (key_id, path) in more {
            check_identifier("key id", key_id)?;
            keys.push(TrustedKey {
                key_id: key_id.clone(),
                public_point: public_point(path)?,
                ..self.key.clone()
            });
        }
        Ok(keys)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.state_dir.file(CA)
    }

    pub(crate) fn key_file(&self) -> Option<PathBuf> {
        let made = self.signing_key_p8.is_some();
        made.then(|| self.state_dir.file(&key_name(&self.key.key_id)))
    }

    pub(crate) fn client_certificate_file(&self, kind: ClientCertificate, topic: &str) -> PathBuf {
        self.state_dir.file(&kind.file_name(topic))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn authority(state_dir: &StateDir) -> Result<Authority, StartError> {
    if let (Some(certificate), Some(key)) = (state_dir.read(CA)?, state_dir.read(CA_KEY)?) {
        return Authority::load(certificate, key).map_err(|_| StartError::StoredAuthority);
    }
    let authority = Authority::make()?;
    // The key first: a CA without its key would be taken for whole next time.
    state_dir.write(CA_KEY, &authority.key_pem)?;
    state_dir.write(CA, &authority.certificate_pem)?;
    Ok(authority)
}

fn signing_key(
    state_dir: &StateDir,
    key_id: &str,
) -> Result<(Vec<u8>, Option<String>), StartError> {
    let name = key_name(key_id);
    let (key, pem) = match state_dir.read(&name)? {
        Some(pem) => {
            let path = state_dir.file(&name);
            (
                KeyPair::from_pem(&pem).map_err(|_| StartError::PublicKey { path })?,
                pem,
            )
        }
        None => {
            let key = KeyPair::generate()?;
            let pem = key.serialize_pem();
            state_dir.write(&name, &pem)?;
            (key, pem)
        }
    };
    Ok((key.public_key_raw().to_vec(), Some(pem)))
}

/// Certificates made before stay, as long as this authority signed them: only whole directories are reused.
fn client_certificates(
    state_dir: &StateDir,
    authority: &Authority,
    topic: &str,
) -> Result<(), StartError> {
    for kind in ClientCertificate::ALL {
        let name = kind.file_name(topic);
        if state_dir.read(&name)?.is_none() {
            state_dir.write(&name, &kind.issue(authority, topic)?)?;
        }
    }
    Ok(())
}

/// The P-256 point in a PEM public key or a .p8.
fn public_point(path: &Path) -> Result<Vec<u8>, StartError> {
    let pem = fs::read(path).map_err(|source| StartError::StateDir {
        path: path.to_owned(),
        source,
    })?;
    let from_public = SubjectPublicKeyInfoDer::from_pem_slice(&pem)
        .ok()
        .and_then(|spki| {
            spki.as_ref()
                .strip_prefix(P256_SPKI_PREFIX)
                .map(<[u8]>::to_vec)
        });
    let from_private = || {
        let key = KeyPair::from_pem(str::from_utf8(&pem).ok()?).ok()?;
        Some(key.public_key_raw().to_vec())
    };
    let point = from_public
        .or_else(from_private)
        .filter(|point| point.len() == POINT_BYTES);
    point.ok_or_else(|| StartError::PublicKey {
        path: path.to_owned(),
    })
}

fn check_identifier(what: &'static str, value: &str) -> Result<(), StartError> {
    let shaped = value.len() == 10
        && value
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if shaped {
        Ok(())
    } else {
        Err(StartError::Identifier {
            what,
            value: value.to_owned(),
        })
    }
}

fn check_topic(topic: &str) -> Result<(), StartError> {
    let shaped = (1..=255).contains(&topic.len())
        && !topic.starts_with('.')
        && topic
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if shaped {
        Ok(())
    } else {
        Err(StartError::Topic(topic.to_owned()))
    }
}

fn key_name(key_id: &str) -> String {
    format!("AuthKey_{key_id}.p8")
}

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca_key.pem";
/// SubjectPublicKeyInfo of P-256 up to the point: the algorithm is the same in all of them.
const P256_SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_BYTES: usize = 65;
