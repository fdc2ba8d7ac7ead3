//! Client certificates. The files in `testdata` are OpenSSL's: a `.p12` (kept as text, in PEM's armour) with a key and a certificate for
//! `com.example.chat` (from 2026-11-24 on), the PEM that `openssl pkcs12` makes of it with AES and with 3DES, and a
//! certificate with an RSA key in PKCS#1.

use rcgen::{CustomExtension, DnType};

use super::*;
use crate::utc::utc;

const PUSH_PEM: &[u8] = include_bytes!("../../../testdata/push.pem");
const PUSH_DES3_PEM: &[u8] = include_bytes!("../../../testdata/push_des3.pem");
const PUSH_RSA_PEM: &[u8] = include_bytes!("../../../testdata/push_rsa.pem");
const PUSH_P12_PEM: &[u8] = include_bytes!("../../../testdata/push.p12.pem");

fn user_id(value: &str) -> impl FnOnce(&mut CertificateParams) {
    let value = value.to_owned();
    move |params| {
        params.distinguished_name.push(
            DnType::from_oid(&[0, 9, 2342, 19_200_300, 100, 1, 1]),
            value,
        )
    }
}

fn topics_extension(der: Vec<u8>) -> impl FnOnce(&mut CertificateParams) {
    let extension = CustomExtension::from_oid_content(&[1, 2, 840, 113_635, 100, 6, 3, 6], der);
    move |params| params.custom_extensions.push(extension)
}

#[test]
fn a_certificate_and_its_encrypted_key_load_as_openssl_writes_them() {
    let dir = Directory::new();
    let file = dir.file("push.pem", PUSH_PEM);
    let options = Options {
        password: Some(PASSWORD.into()),
        ..with_certificate(file)
    };
    let Credentials::Certificate(certificate) = load(&options).unwrap() else {
        panic!("no certificate")
    };
    assert_eq!(
        certificate.topics(),
        [
            "com.example.chat",
            "com.example.chat.voip",
            "com.example.chat.complication"
        ]
    );
    assert_eq!(utc(certificate.not_after()), "2126-10-31 04:10 UTC");
    assert_eq!(certificate.certified_key().cert.len(), 1);
    assert_eq!(
        format!("{certificate:?}"),
        "ClientCertificate { not_after: \"2126-10-31 04:10 UTC\", \
         topics: [\"com.example.chat\", \"com.example.chat.voip\", \"com.example.chat.complication\"], .. }"
    );
}

#[test]
fn an_rsa_key_loads_in_its_oldest_form() {
    let dir = Directory::new();
    let credentials = load(&with_certificate(dir.file("push.pem", PUSH_RSA_PEM))).unwrap();
    assert!(
        format!("{credentials:?}").contains("com.example.chat.complication"),
        "{credentials:?}"
    );
}

#[test]
fn a_key_in_the_clear_may_have_a_file_of_its_own_and_any_common_form() {
    let dir = Directory::new();
    for key in [
        KeyPair::generate().unwrap(),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
    ] {
        let (certificate, key) = (certificate(&key, |_| ()), key.serialize_pem());
        let together = dir.file("together.pem", format!("{key}{certificate}"));
        load(&with_certificate(together)).unwrap();
        let apart = with_certificate(dir.file("certificate.pem", certificate));
        load(&Options {
            key_file: Some(dir.file("key.pem", key)),
            ..apart
        })
        .unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_one_line() {
    let dir = Directory::new();
    let key = KeyPair::generate().unwrap();
    let pem = certificate(&key, |_| ());
    let der = pem_to_der(&pem);
    let (_, p12) = x509_parser::pem::parse_x509_pem(PUSH_P12_PEM).unwrap();
    let p12 = p12.contents;
    let stranger = KeyPair::generate().unwrap().serialize_pem();
    let table = [
        (
            dir.path("none.pem"),
            "certificate_file: cannot read DIR/none.pem: No such file or directory (os error 2)",
        ),
        (
            dir.file("push.p12", p12),
            "certificate_file: DIR/push.p12 is a PKCS#12 file (.p12), wanted is PEM: openssl pkcs12 -legacy -nodes -in DIR/push.p12 -out push.pem (without -legacy before OpenSSL 3)",
        ),
        (
            dir.file("push.cer", der),
            "certificate_file: DIR/push.cer is a bare certificate (.cer), wanted is PEM: openssl x509 -inform der -in DIR/push.cer -out push.pem, then append its key or name it in key_file",
        ),
        (
            dir.file("text.pem", "Dear admin, ..."),
            "certificate_file: DIR/text.pem is not PEM: wanted is a text file with -----BEGIN CERTIFICATE-----",
        ),
        (
            dir.file("empty.pem", ""),
            "certificate_file: DIR/empty.pem is not PEM: wanted is a text file with -----BEGIN CERTIFICATE-----",
        ),
        (
            dir.file("key.pem", &stranger),
            "certificate_file: DIR/key.pem holds no certificate but PRIVATE KEY: append the certificate",
        ),
        (
            dir.file("cut.pem", &pem[..pem.len() - 30]),
            "certificate_file: DIR/cut.pem is damaged: a PEM section is cut off or altered",
        ),
        (
            dir.file(
                "altered.pem",
                "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
            ),
            "certificate_file: the first certificate of DIR/altered.pem is damaged: export it again",
        ),
        (
            dir.file("alone.pem", &pem),
            "certificate_file: DIR/alone.pem holds no private key but CERTIFICATE: append the key, or name its file in key_file",
        ),
        (
            dir.file("stranger.pem", format!("{pem}{stranger}")),
            "certificate_file: the key in DIR/stranger.pem is not that of the first certificate in DIR/stranger.pem; the app's own certificate must come first",
        ),
        (
            dir.file(
                "nokey.pem",
                format!("{pem}-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"),
            ),
            "certificate_file: the key in DIR/nokey.pem cannot be used: wanted is an RSA key of 2048 to 8192 bits, or P-256 or P-384",
        ),
    ];
    for (path, line) in table {
        assert_eq!(dir.line(load(&with_certificate(path))), line);
    }
}

#[test]
fn what_is_wrong_with_a_key_beside_a_certificate_is_one_line_about_key_file() {
    let dir = Directory::new();
    let key = KeyPair::generate().unwrap();
    let options = with_certificate(dir.file("push.pem", certificate(&key, |_| ())));
    let stranger = KeyPair::generate().unwrap().serialize_pem();
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1B0A\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (path, line) in [
        (
            dir.path("none.pem"),
            "key_file: cannot read DIR/none.pem: No such file or directory (os error 2)",
        ),
        (
            dir.file("stranger.pem", stranger),
            "key_file: the key in DIR/stranger.pem is not that of the first certificate in DIR/push.pem; the app's own certificate must come first",
        ),
        (
            dir.file("old.pem", old),
            "key_file: the key in DIR/old.pem is encrypted in an old form: openssl pkey -in DIR/old.pem -out key.pem writes it in the clear, for key_file",
        ),
        (
            dir.file("text.pem", "opensesame"),
            "key_file: DIR/text.pem is not PEM: wanted is a text file with -----BEGIN PRIVATE KEY-----",
        ),
    ] {
        let options = Options {
            key_file: Some(path),
            ..options.clone()
        };
        assert_eq!(dir.line(load(&options)), line);
    }
    let options = Options {
        team_id: Some("DEF123GHIJ".into()),
        ..options
    };
    assert_eq!(
        dir.line(load(&options)),
        "certificate_file: stands beside key_id or team_id, which belong to a signing key (.p8): give one of the two"
    );
}

#[test]
fn an_encrypted_key_asks_for_its_password_and_a_modern_cipher() {
    let dir = Directory::new();
    let (aes, des) = (
        dir.file("aes.pem", PUSH_PEM),
        dir.file("des.pem", PUSH_DES3_PEM),
    );
    for (path, password, line) in [
        (
            &aes,
            None,
            "password: missing: the key in DIR/aes.pem is encrypted",
        ),
        (
            &aes,
            Some("sesame"),
            "password: is not the one of the key in DIR/aes.pem",
        ),
        (
            &des,
            Some(PASSWORD),
            "certificate_file: the key in DIR/des.pem is encrypted with an old or unknown cipher: openssl pkey -in DIR/des.pem -out key.pem writes it in the clear, for key_file",
        ),
    ] {
        let options = Options {
            password: password.map(Password::from),
            ..with_certificate(path.clone())
        };
        assert_eq!(dir.line(load(&options)), line);
    }
}

#[test]
fn a_wrong_password_that_passes_the_paddings_check_is_still_a_wrong_password() {
    let dir = Directory::new();
    let file = dir.file("push.pem", PUSH_PEM);
    for password in ["1880", "2585", "3728"] {
        let options = Options {
            password: Some(password.into()),
            ..with_certificate(file.clone())
        };
        assert_eq!(
            dir.line(load(&options)),
            "password: is not the one of the key in DIR/push.pem"
        );
    }
}

#[test]
fn a_certificate_outside_its_time_is_refused() {
    let dir = Directory::new();
    let key = KeyPair::generate().unwrap();
    let pem = certificate(&key, |_| ()) + &key.serialize_pem();
    let options = with_certificate(dir.file("push.pem", pem));
    let (begin, end) = (1_767_225_600, 1_830_297_600);
    assert_eq!(
        dir.line(load_at(&options, begin - 1)),
        "certificate_file: the certificate in DIR/push.pem begins on 2026-01-01 00:00 UTC; this machine's clock says 2025-12-31 23:59 UTC: is the clock right?"
    );
    assert_eq!(
        dir.line(load_at(&options, end + 1)),
        "certificate_file: the certificate in DIR/push.pem ended on 2028-01-01 00:00 UTC: make a new one at developer.apple.com"
    );
    for now in [begin, end] {
        assert_eq!(load_at(&options, now).unwrap().not_after(), Some(end));
    }
}

#[test]
fn a_certificate_must_be_for_the_topic_if_it_names_any() {
    let dir = Directory::new();
    let key = KeyPair::generate().unwrap();
    let load_with = |change: Box<dyn FnOnce(&mut CertificateParams)>| {
        let pem = certificate(&key, change) + &key.serialize_pem();
        load(&with_certificate(dir.file("push.pem", pem)))
    };
    let topics = |change| match load_with(change).unwrap() {
        Credentials::Certificate(certificate) => certificate.topics().to_vec(),
        Credentials::Token { .. } => panic!("a signing key"),
    };
    assert_eq!(topics(Box::new(|_| ())), [""; 0]);
    assert_eq!(
        topics(Box::new(user_id("com.example.chat"))),
        ["com.example.chat"]
    );
    assert_eq!(
        topics(Box::new(user_id("com.example.chat.voip"))),
        ["com.example.chat.voip"]
    );
    for shapeless in [
        vec![],
        vec![0x05, 0x00],
        vec![0x30, 0x82, 0xff, 0xff],
        b"\x0c\x01a".to_vec(),
        vec![0xff; 64],
    ] {
        assert_eq!(topics(Box::new(topics_extension(shapeless))), [""; 0]);
    }

    assert_eq!(
        dir.line(load_with(Box::new(user_id("com.example.chatter")))),
        "topic: the certificate in DIR/push.pem is not for com.example.chat but for com.example.chatter"
    );
    let names = "abcdefg".chars().flat_map(|name| [0x0c, 1, name as u8]);
    let der = [0x30, 21].into_iter().chain(names).collect();
    assert_eq!(
        dir.line(load_with(Box::new(topics_extension(der)))),
        "topic: the certificate in DIR/push.pem is not for com.example.chat but for a, b, c, d, e and 2 more"
    );
}

fn pem_to_der(pem: &str) -> Vec<u8> {
    rustls_pemfile::certs(&mut pem.as_bytes())
        .next()
        .unwrap()
        .unwrap()
        .to_vec()
}
