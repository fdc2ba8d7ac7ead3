//! The private key of a client certificate: PEM, in the clear or encrypted as PKCS#8 with a modern cipher.

use std::path::Path;

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument, pkcs5};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::config::{ConfigError, file};

/// A key that is wiped from memory when it goes.
pub(super) type Key = Zeroizing<PrivateKeyDer<'static>>;

/// Finds the key in `pem`, the content of `path`, which the option `option` names.
pub(super) fn read(
    option: &'static str,
    path: &Path,
    pem: &[u8],
    password: Option<&str>,
) -> Result<Key, ConfigError> {
    let shown = path.display();
    if contains(pem, TRADITIONAL) {
        return Err(ConfigError::new(
            option,
            in_the_clear(path, "is encrypted in an old form"),
        ));
    }
    let damaged = || {
        ConfigError::new(
            option,
            format!("{shown} is damaged: a PEM section is cut off or altered"),
        )
    };
    if let Some(key) = rustls_pemfile::private_key(&mut &*pem).map_err(|_| damaged())? {
        return Ok(Zeroizing::new(key));
    }
    let Some(section) = encrypted_section(pem) else {
        let problem = match &*file::pem_labels(pem) {
            "" => format!(
                "{shown} is not PEM: wanted is a text file with -----BEGIN PRIVATE KEY-----"
            ),
            labels => format!(
                "{shown} holds no private key but {labels}: append the key, or name its file in key_file"
            ),
        };
        return Err(ConfigError::new(option, problem));
    };
    let (_, document) = SecretDocument::from_pem(section).map_err(|_| damaged())?;
    let Some(password) = password else {
        return Err(ConfigError::new(
            "password",
            format!("missing: the key in {shown} is encrypted"),
        ));
    };
    match decrypt(document.as_bytes(), password) {
        Ok(key) => Ok(key),
        Err(Trouble::Password) => Err(ConfigError::new(
            "password",
            format!("is not the one of the key in {shown}"),
        )),
        Err(Trouble::Cipher) => Err(ConfigError::new(
            option,
            in_the_clear(path, "is encrypted with an old or unknown cipher"),
        )),
    }
}

/// Why an encrypted key stays closed.
enum Trouble {
    Password,
    Cipher,
}

fn decrypt(der: &[u8], password: &str) -> Result<Key, Trouble> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| Trouble::Cipher)?;
    let key = encrypted.decrypt(password).map_err(|error| match error {
        // A wrong password passes the padding's check one time in 256, and then gives no key.
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            Trouble::Password
        }
        _ => Trouble::Cipher,
    })?;
    let key = PrivatePkcs8KeyDer::from(key.as_bytes().to_vec());
    Ok(Zeroizing::new(key.into()))
}

/// The text from `BEGIN` to `END` of the first encrypted key.
fn encrypted_section(pem: &[u8]) -> Option<&str> {
    // Names around the sections may be in any encoding; the section itself is ASCII.
    let from_begin = pem.get(position(pem, BEGIN)?..)?;
    let end = position(from_begin, END)? + END.len();
    std::str::from_utf8(from_begin.get(..end)?).ok()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    position(bytes, part).is_some()
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

fn in_the_clear(path: &Path, trouble: &str) -> String {
    let shown = path.display();
    format!(
        "the key in {shown} {trouble}: openssl pkey -in {shown} -out key.pem writes it in the clear, for key_file"
    )
}

const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
/// RFC 1421's header, before PKCS#8.
const TRADITIONAL: &[u8] = b"Proc-Type: 4,ENCRYPTED";
