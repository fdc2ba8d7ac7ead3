//! The signing key, from the `.p8` file that Apple gives out: PKCS#8 in PEM, unencrypted, on the curve P-256.
//!
//! Whoever configures it has often the wrong file at hand. Each common one has its own error, which says what it is and
//! what to do.

use std::fmt;

use base64ct::{Base64, Encoding};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

/// A key that signs provider tokens. Its memory is wiped when it goes; `Debug` hides it.
#[derive(Clone)]
pub struct SigningKey(p256::ecdsa::SigningKey);

impl SigningKey {
    /// Reads the contents of a `.p8` file. If there is more in the file, certificates for instance, the private key in
    /// it counts.
    ///
    /// # Errors
    /// Every [`SigningKeyError`].
    pub fn from_p8_pem(file: &[u8]) -> Result<Self, SigningKeyError> {
        if file.len() > MAX_FILE_LEN {
            return Err(SigningKeyError::NotPem);
        }
        let text = std::str::from_utf8(file).map_err(|_| SigningKeyError::Binary)?;
        if text.trim().is_empty() {
            return Err(SigningKeyError::Empty);
        }
        let mut first_error = None;
        for block in text.split(BEGIN).skip(1) {
            match Self::from_block(block) {
                Ok(key) => return Ok(key),
                // A private key that cannot be used says more than what stands around it.
                Err(error) if block.starts_with(PRIVATE_KEY) => return Err(error),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or(SigningKeyError::NotPem))
    }

    /// Reads one PEM block (RFC 7468), from its label on.
    fn from_block(block: &str) -> Result<Self, SigningKeyError> {
        let (label, body) = block
            .split_once("-----")
            .ok_or(SigningKeyError::Truncated)?;
        if label != PRIVATE_KEY {
            return Err(SigningKeyError::of_label(label, body));
        }
        let (body, _) = body.split_once(END).ok_or(SigningKeyError::Truncated)?;
        // Room for all of it from the start: a string that grows leaves parts of the key behind in freed memory.
        let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
        base64.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
        let der = Base64::decode_vec(&base64).map_err(|_| SigningKeyError::Damaged)?;
        Self::from_pkcs8(&Zeroizing::new(der))
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, SigningKeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| SigningKeyError::Damaged)?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {}
            RSA_ENCRYPTION => return Err(SigningKeyError::Rsa),
            _ => return Err(SigningKeyError::NotP256),
        }
        if info.algorithm.parameters_oid() != Ok(PRIME256V1) {
            return Err(SigningKeyError::NotP256);
        }
        p256::ecdsa::SigningKey::try_from(info)
            .map(Self)
            .map_err(|_| SigningKeyError::Damaged)
    }

    /// ES256 (RFC 7518, 3.4): R and S, 32 bytes each. The same message always gives the same signature.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        signature.to_bytes().into()
    }

    /// The public half, uncompressed (SEC 1, 2.3.3), for those who check signatures.
    #[must_use]
    pub fn public_key(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        for (to, from) in bytes
            .iter_mut()
            .zip(self.0.verifying_key().to_sec1_point(false).as_bytes())
        {
            *to = *from;
        }
        bytes
    }
}

/// Compares the public halves, which tells the same and leaks nothing.
impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.verifying_key() == other.0.verifying_key()
    }
}

impl Eq for SigningKey {}

/// Hides the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").finish_non_exhaustive()
    }
}

/// Why a file is no signing key. Each text says what to do; none has a part of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// There is nothing in it.
    #[error(
        "the key file is empty: download the key again, or make a new one if Apple no longer offers it"
    )]
    Empty,
    /// Bytes that are no text.
    #[error(
        "the key file is binary: wanted is the text file AuthKey_<key id>.p8; a .p12 is a certificate, for certificate_file"
    )]
    Binary,
    /// Text without a PEM block.
    #[error(
        "the key file has no line -----BEGIN PRIVATE KEY-----: wanted is the file AuthKey_<key id>.p8 as Apple gives it out"
    )]
    NotPem,
    /// The block has no end.
    #[error("the key file ends before its line -----END PRIVATE KEY-----: copy it again")]
    Truncated,
    /// The block holds something that is no key.
    #[error("the private key in the key file is damaged: copy the file again, unchanged")]
    Damaged,
    /// A certificate.
    #[error(
        "this is a certificate, not a key: name it in certificate_file, or give the AuthKey_<key id>.p8 as key_file"
    )]
    Certificate,
    /// A request for a certificate.
    #[error("this is a certificate request, not a key: wanted is the file AuthKey_<key id>.p8")]
    CertificateRequest,
    /// The public half.
    #[error("this is a public key: the private one is wanted, the file AuthKey_<key id>.p8")]
    PublicKey,
    /// PKCS#8 or older, encrypted.
    #[error(
        "the key is encrypted, which Apple's are not: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.p8 writes it in the clear"
    )]
    Encrypted,
    /// SEC 1 form.
    #[error(
        "this is an EC key in SEC1 form, wanted is PKCS#8: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.p8 converts it"
    )]
    Sec1,
    /// An RSA key, in any form.
    #[error(
        "this is an RSA key, of a certificate perhaps: provider tokens are signed with the AuthKey_<key id>.p8, on the curve P-256"
    )]
    Rsa,
    /// Another algorithm or curve.
    #[error(
        "the key is not on the curve P-256 (prime256v1), so it is none of Apple's: wanted is the file AuthKey_<key id>.p8"
    )]
    NotP256,
    /// Another kind of PEM block.
    #[error(
        "the key file is PEM, but no private key: wanted is the file AuthKey_<key id>.p8, which begins with -----BEGIN PRIVATE KEY-----"
    )]
    OtherPem,
}

impl SigningKeyError {
    /// What a PEM block is that is no PKCS#8 private key.
    fn of_label(label: &str, body: &str) -> Self {
        // RFC 1421: the way in which openssl encrypted keys before PKCS#8.
        if body.trim_start().starts_with("Proc-Type: 4,ENCRYPTED") {
            return Self::Encrypted;
        }
        match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Self::Certificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::PublicKey,
            "ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            // `openssl ecparam -genkey` writes the parameters before the key.
            "EC PRIVATE KEY" | "EC PARAMETERS" => Self::Sec1,
            "RSA PRIVATE KEY" => Self::Rsa,
            _ => Self::OtherPem,
        }
    }
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END PRIVATE KEY-----";
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// Apple's files have a few hundred bytes; a PEM with a chain of certificates has a few thousand.
const MAX_FILE_LEN: usize = 64 * 1024;
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
