//! Provider tokens, right ones and all kinds of wrong ones.

use std::time::{SystemTime, UNIX_EPOCH};

use apns_sim::Simulator;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

/// What stands in a token.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) alg: &'static str,
    pub(crate) kid: String,
    pub(crate) iss: String,
    pub(crate) iat: i64,
}

impl Spec {
    pub(crate) fn of(simulator: &Simulator) -> Self {
        Self {
            alg: "ES256",
            kid: simulator.key_id().into(),
            iss: simulator.team_id().into(),
            iat: now(),
        }
    }
}

/// A signing key.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn of(simulator: &Simulator) -> Self {
        Self::from_p8(simulator.signing_key_p8().unwrap())
    }

    pub(crate) fn from_p8(pem: &str) -> Self {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let der = der.secret_pkcs8_der();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
        Self { key: key.unwrap() }
    }

    pub(crate) fn bearer(&self, spec: &Spec) -> String {
        let header = serde_json::json!({ "alg": spec.alg, "kid": spec.kid }).to_string();
        let claims = serde_json::json!({ "iss": spec.iss, "iat": spec.iat }).to_string();
        self.sign(&header, &claims)
    }

    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!(
            "{}.{}",
            base64url(header.as_bytes()),
            base64url(claims.as_bytes())
        );
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("bearer {signed}.{}", base64url(signature.as_ref()))
    }
}

pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        .try_into()
        .unwrap()
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}
