//! A good request that can be bent, and all that it is judged by.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use super::*;

/// A request that can be bent, and all that it is judged by.
pub(super) struct Bench {
    pub(super) request: Request,
    pub(super) rules: Rules,
    pub(super) devices: Devices,
    pub(super) identity: Option<ClientIdentity>,
    pub(super) memory: Memory,
    pub(super) now: i64,
    pub(super) token_updates: TokenUpdates,
    key: EcdsaKeyPair,
}

impl Bench {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
                .unwrap();
        let trusted = |key_id: &str| TrustedKey {
            key_id: key_id.to_owned(),
            team_id: "SIMTEAM001".to_owned(),
            public_point: key.public_key().as_ref().to_vec(),
        };
        let mut bench = Self {
            request: Request {
                method: Method::POST,
                path: format!("/3/device/{TOKEN}"),
                headers: HeaderMap::new(),
                body: Bytes::from_static(br#"{"aps":{"alert":"Hello"}}"#),
            },
            rules: Rules {
                topics: vec![TOPIC.to_owned()],
                keys: vec![trusted("SIMKEY0001"), trusted("SIMKEY0002")],
                environment: Environment::Development,
            },
            devices: Devices::default(),
            identity: None,
            memory: Memory::default(),
            now: NOW,
            token_updates: TokenUpdates::Usual,
            key,
        };
        bench.sign(NOW);
        bench.set("apns-topic", TOPIC);
        bench.set("apns-push-type", "alert");
        bench
    }

    pub(super) fn judge(&mut self) -> Result<(), &'static str> {
        let identity = self.identity.as_ref();
        let case = Case::new(
            &self.request,
            &self.rules,
            &self.devices,
            identity,
            &mut self.memory,
            self.now,
            self.token_updates,
        );
        case.judge()
            .refusal
            .map_or(Ok(()), |refusal| Err(refusal.reason.name()))
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.request.headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }

    pub(super) fn add(&mut self, name: &'static str, value: &str) {
        self.request.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.request.headers.remove(name);
    }

    pub(super) fn path(&mut self, path: &str) {
        path.clone_into(&mut self.request.path);
    }

    pub(super) fn body(&mut self, body: impl Into<Bytes>) {
        self.request.body = body.into();
    }

    pub(super) fn sign(&mut self, iat: i64) {
        self.sign_as(
            r#"{"alg":"ES256","kid":"SIMKEY0001"}"#,
            &format!(r#"{{"iss":"SIMTEAM001","iat":{iat}}}"#),
        );
    }

    pub(super) fn sign_as(&mut self, header: &str, claims: &str) {
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        self.set(
            "authorization",
            &format!("bearer {signed}.{}", encode(signature.as_ref())),
        );
    }

    pub(super) fn bend_authorization(&mut self, bend: impl FnOnce(&str) -> String) {
        let bent = bend(self.request.headers["authorization"].to_str().unwrap());
        self.set("authorization", &bent);
    }
}

fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

pub(super) fn object_of(bytes: usize) -> String {
    let frame = r#"{"aps":{"alert":""}}"#;
    frame.replace(
        r#""""#,
        &format!(r#""{}""#, "x".repeat(bytes - frame.len())),
    )
}
