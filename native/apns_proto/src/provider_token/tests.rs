//! Tokens are checked with ring, which shares no code with p256; signatures also against RFC 6979's own vectors.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use p256::pkcs8::EncodePrivateKey;
use proptest::prelude::*;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::*;

/// The key of RFC 6979, A.2.5.
const RFC_KEY: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const NOW: u64 = 1_764_000_123;

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn rfc_key_der() -> Vec<u8> {
    let key = p256::SecretKey::from_slice(&unhex(RFC_KEY)).unwrap();
    key.to_pkcs8_der().unwrap().as_bytes().to_vec()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn key() -> SigningKey {
    SigningKey::from_p8_pem(pem("PRIVATE KEY", &rfc_key_der()).as_bytes()).unwrap()
}

fn issue(now: u64) -> ProviderToken {
    ProviderToken::issue(
        &key(),
        &KeyId::parse("ABC123DEFG").unwrap(),
        &TeamId::parse("DEF123GHIJ").unwrap(),
        now,
    )
}

/// A DER element with a short length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

/// PKCS#8 around a key that is none, of the algorithm with these OIDs.
fn pkcs8(algorithm: &[u8], parameters: &[u8]) -> String {
    let algorithm = der(0x30, &[der(0x06, algorithm), parameters.to_vec()].concat());
    pem(
        "PRIVATE KEY",
        &der(
            0x30,
            &[vec![2, 1, 0], algorithm, der(0x04, &[0; 32])].concat(),
        ),
    )
}

#[test]
fn signatures_are_those_of_rfc_6979() {
    let cases = [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367\
             019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ];
    for (message, signature) in cases {
        assert_eq!(
            key().sign(message.as_bytes()).to_vec(),
            unhex(signature),
            "{message}"
        );
    }
}

#[test]
fn the_public_key_is_that_of_rfc_6979() {
    let public = "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                  7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
    assert_eq!(key().public_key().to_vec(), unhex(public));
}

#[test]
fn a_token_is_a_jwt_that_another_library_verifies() {
    let token = issue(NOW);
    let jwt = token.bearer().strip_prefix("bearer ").unwrap();
    assert!(
        jwt.bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)),
        "{jwt}"
    );
    let parts: Vec<_> = jwt.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("{jwt}")
    };
    let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).unwrap();
    let value = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    assert_eq!(value(header), json!({"alg": "ES256", "kid": "ABC123DEFG"}));
    assert_eq!(
        value(claims),
        json!({"iss": "DEF123GHIJ", "iat": token.issued_at()})
    );
    let signed = &jwt[..jwt.len() - signature.len() - 1];
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key().public_key())
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
}

#[test]
fn a_restart_within_the_half_hour_makes_the_very_same_token() {
    let token = issue(NOW);
    assert_eq!(issue(NOW).bearer(), token.bearer());
    assert_eq!(issue(token.next_grid() - 1), token);
    assert_ne!(issue(token.next_grid()), token);
}

#[test]
fn a_token_is_used_from_a_minute_after_its_grid_time() {
    let grid = 979_999 * ProviderToken::GRID;
    let before = issue(grid + ProviderToken::SKEW_MARGIN - 1);
    assert_eq!(before.issued_at(), grid - ProviderToken::GRID);
    assert_eq!(before.next_grid(), grid + ProviderToken::SKEW_MARGIN);
    assert_eq!(issue(before.next_grid()).issued_at(), grid);
}

#[test]
fn a_clock_set_back_brings_the_former_token_back() {
    let token = issue(NOW);
    assert!(!token.is_current(NOW - 2 * ProviderToken::GRID));
    assert_eq!(issue(0).issued_at(), 0);
    assert!(issue(u64::MAX).is_current(u64::MAX));
}

#[test]
fn debug_shows_neither_key_nor_token() {
    let token = issue(NOW);
    assert_eq!(
        format!("{token:?}"),
        format!("ProviderToken {{ issued_at: {}, .. }}", token.issued_at())
    );
    assert_eq!(format!("{:?}", key()), "SigningKey { .. }");
}

#[test]
fn the_key_is_found_however_the_file_was_copied() {
    let pem = pem("PRIVATE KEY", &rfc_key_der());
    let one_line = pem
        .replace('\n', "")
        .replace("KEY-----M", "KEY-----\nM")
        .replace("-----END", "\n-----END");
    let cases = [
        pem.replace('\n', "\r\n"),
        pem.trim_end().to_owned(),
        format!("\u{feff}{pem}"),
        format!("Bag Attributes\n    friendlyName: x\n{pem}"),
        format!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{pem}"),
        format!("{pem}-----BEGIN CERTIFICATE-----\nAAAA\n"),
        pem.lines().map(|line| format!("  {line}\n")).collect(),
        one_line,
    ];
    for text in cases {
        assert_eq!(
            SigningKey::from_p8_pem(text.as_bytes()),
            Ok(key()),
            "{text}"
        );
    }
}

#[test]
fn every_wrong_file_is_called_by_its_name() {
    let good = pem("PRIVATE KEY", &rfc_key_der());
    let block = |label: &str| pem(label, &[0; 48]);
    let ec: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let secp384r1 = der(0x06, &[0x2b, 0x81, 4, 0, 0x22]);
    let prime256v1 = der(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
    let old_encrypted = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n";
    let cases = [
        (String::new(), SigningKeyError::Empty),
        (" \r\n".to_owned(), SigningKeyError::Empty),
        ("ABC123DEFG".to_owned(), SigningKeyError::NotPem),
        ("x".repeat(100_000), SigningKeyError::NotPem),
        ("-----BEGIN ".to_owned(), SigningKeyError::Truncated),
        (good[..150].to_owned(), SigningKeyError::Truncated),
        (good.replacen("MI", "M!", 1), SigningKeyError::Damaged),
        (
            pem("PRIVATE KEY", &rfc_key_der()[..100]),
            SigningKeyError::Damaged,
        ),
        (pem("PRIVATE KEY", b""), SigningKeyError::Damaged),
        (pkcs8(ec, &prime256v1), SigningKeyError::Damaged),
        (pkcs8(ec, &secp384r1), SigningKeyError::NotP256),
        (pkcs8(ec, &[]), SigningKeyError::NotP256),
        (pkcs8(&[0x2b, 0x65, 0x70], &[]), SigningKeyError::NotP256),
        (
            pkcs8(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], &[5, 0]),
            SigningKeyError::Rsa,
        ),
        (block("CERTIFICATE"), SigningKeyError::Certificate),
        (
            block("CERTIFICATE REQUEST"),
            SigningKeyError::CertificateRequest,
        ),
        (block("PUBLIC KEY"), SigningKeyError::PublicKey),
        (block("ENCRYPTED PRIVATE KEY"), SigningKeyError::Encrypted),
        (old_encrypted.to_owned(), SigningKeyError::Encrypted),
        (block("EC PRIVATE KEY"), SigningKeyError::Sec1),
        (
            block("EC PARAMETERS") + &block("EC PRIVATE KEY"),
            SigningKeyError::Sec1,
        ),
        (block("RSA PRIVATE KEY"), SigningKeyError::Rsa),
        (block("OPENSSH PRIVATE KEY"), SigningKeyError::OtherPem),
        (
            block("CERTIFICATE") + &block("RSA PRIVATE KEY"),
            SigningKeyError::Certificate,
        ),
    ];
    for (file, error) in cases {
        assert_eq!(
            SigningKey::from_p8_pem(file.as_bytes()),
            Err(error),
            "{file:.80}"
        );
    }
    assert_eq!(
        SigningKey::from_p8_pem(&rfc_key_der()),
        Err(SigningKeyError::Binary)
    );
}

proptest! {
    // Arithmetic on the curve is slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn iat_is_on_the_grid_never_in_the_future_and_never_old(now in 3_600u64..10_000_000_000) {
        let iat = grid_time(now);
        prop_assert_eq!(iat % ProviderToken::GRID, 0);
        prop_assert!(iat + ProviderToken::SKEW_MARGIN <= now);
        prop_assert!(now - iat < ProviderToken::GRID + ProviderToken::SKEW_MARGIN);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SigningKey::from_p8_pem(&bytes);
        let _ = SigningKey::from_p8_pem(pem("PRIVATE KEY", &bytes).as_bytes());
    }

    #[test]
    fn a_key_with_one_bit_turned_never_makes_it_panic(bit in 0usize..8 * 138) {
        let mut bytes = rfc_key_der();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = SigningKey::from_p8_pem(pem("PRIVATE KEY", &bytes).as_bytes());
    }
}
