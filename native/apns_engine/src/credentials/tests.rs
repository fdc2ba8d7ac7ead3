//! Files as Apple, OpenSSL and tired admins make them.

mod certificate_files;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use apns_proto::provider_token::SigningKeyError;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

const KEY_NAME: &str = "AuthKey_ABC123DEFG.p8";
const PASSWORD: &str = "opensesame";
/// 2027-01-15
const NOW: u64 = 1_800_000_000;

/// A directory that is gone after the test.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The error's line, with `DIR` for this directory.
    fn line(&self, loaded: Result<Credentials, ConfigError>) -> String {
        let line = loaded.unwrap_err().to_string();
        line.replace(self.0.path().to_str().unwrap(), "DIR")
    }
}

fn load_at(options: &Options, now: u64) -> Result<Credentials, ConfigError> {
    Credentials::load(options, &Topic::parse("com.example.chat").unwrap(), now)
}

fn load(options: &Options) -> Result<Credentials, ConfigError> {
    load_at(options, NOW)
}

fn with_key(key_file: PathBuf) -> Options {
    Options {
        key_file: Some(key_file),
        team_id: Some("DEF123GHIJ".into()),
        ..Options::default()
    }
}

fn with_certificate(certificate_file: PathBuf) -> Options {
    Options {
        certificate_file: Some(certificate_file),
        ..Options::default()
    }
}

/// A self-signed certificate of the years 2026 to 2028, in PEM.
fn certificate(key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    change(&mut params);
    params.self_signed(key).unwrap().pem()
}

#[test]
fn a_signing_key_loads_and_shows_no_key() {
    let dir = Directory::new();
    let key_file = dir.file(KEY_NAME, KeyPair::generate().unwrap().serialize_pem());
    let credentials = load(&with_key(key_file)).unwrap();
    assert_eq!(
        format!("{credentials:?}"),
        "Token { key_id: KeyId(ABC123DEFG), team_id: TeamId(DEF123GHIJ), .. }"
    );
    assert_eq!(credentials.not_after(), None);
}

#[test]
fn the_key_id_is_the_given_one_or_the_file_names() {
    let dir = Directory::new();
    let pem = KeyPair::generate().unwrap().serialize_pem();
    let key_id = |options: Options| match load(&options).unwrap() {
        Credentials::Token { key_id, .. } => key_id.to_string(),
        Credentials::Certificate(_) => panic!("a certificate"),
    };
    let apples = dir.file(KEY_NAME, &pem);
    symlink(&apples, dir.path("push_key.p8")).unwrap();
    assert_eq!(key_id(with_key(dir.path("push_key.p8"))), "ABC123DEFG");
    assert_eq!(key_id(with_key(apples.clone())), "ABC123DEFG");
    let other = Some("XYZ987WVUT".to_owned());
    assert_eq!(
        key_id(Options {
            key_id: other.clone(),
            ..with_key(apples)
        }),
        "XYZ987WVUT"
    );
    assert_eq!(
        key_id(Options {
            key_id: other,
            ..with_key(dir.file("push.p8", &pem))
        }),
        "XYZ987WVUT"
    );
}

#[test]
fn what_is_wrong_with_a_signing_key_is_one_line() {
    let dir = Directory::new();
    let key = KeyPair::generate().unwrap();
    let good = with_key(dir.file(KEY_NAME, key.serialize_pem()));
    let table = [
        (
            Options::default(),
            "key_file: missing: give key_file, key_id and team_id of a signing key (.p8), or the certificate_file of a client certificate".to_owned(),
        ),
        (
            Options { team_id: None, ..good.clone() },
            "team_id: missing: the 10 characters on the membership page of your Apple developer account".to_owned(),
        ),
        (
            Options { team_id: Some("DEF123".into()), ..good.clone() },
            format!("team_id: {}", TeamId::parse("DEF123").unwrap_err()),
        ),
        (
            Options { key_id: Some("abc123defg".into()), ..good.clone() },
            format!("key_id: {}", KeyId::parse("abc123defg").unwrap_err()),
        ),
        (
            Options { password: Some(PASSWORD.into()), ..good },
            "password: belongs to the key of a certificate_file; Apple's signing keys (.p8) have none".to_owned(),
        ),
        (
            with_key(dir.file("AuthKey_short.p8", key.serialize_pem())),
            "key_id: missing: the 10 characters that Apple shows beside the key; they can be left out only if the file, or what it is a link to, is called AuthKey_<key id>.p8".to_owned(),
        ),
        (
            with_key(dir.path("AuthKey_NOSUCHFILE.p8")),
            "key_file: cannot read DIR/AuthKey_NOSUCHFILE.p8: No such file or directory (os error 2)".to_owned(),
        ),
        (
            with_key(dir.file("AuthKey_NOTAKEYNOT.p8", "not PEM")),
            format!("key_file: DIR/AuthKey_NOTAKEYNOT.p8: {}", SigningKeyError::NotPem),
        ),
        (
            with_key(dir.file("AuthKey_ISACERTIFI.p8", certificate(&key, |_| ()))),
            format!("key_file: DIR/AuthKey_ISACERTIFI.p8: {}", SigningKeyError::Certificate),
        ),
        (
            with_key(dir.file("AuthKey_TOOLARGE99.p8", vec![b'x'; 65_537])),
            "key_file: cannot read DIR/AuthKey_TOOLARGE99.p8: it has more than the 65536 bytes that such a file may have".to_owned(),
        ),
    ];
    for (options, line) in table {
        assert_eq!(dir.line(load(&options)), line);
    }
}

#[test]
fn files_that_are_none_are_refused_and_never_waited_for() {
    let dir = Directory::new();
    fs::create_dir(dir.path("AuthKey_ADIRECTORY.p8")).unwrap();
    symlink("/dev/zero", dir.path("AuthKey_ADEVICE999.p8")).unwrap();
    symlink(dir.path("itself"), dir.path("itself")).unwrap();
    for (name, what) in [
        ("AuthKey_ADIRECTORY.p8", "it is not a regular file"),
        ("AuthKey_ADEVICE999.p8", "it is not a regular file"),
    ] {
        assert_eq!(
            dir.line(load(&with_key(dir.path(name)))),
            format!("key_file: cannot read DIR/{name}: {what}")
        );
    }
    let line = dir.line(load(&with_certificate(dir.path("itself"))));
    assert!(
        line.starts_with("certificate_file: cannot read DIR/itself: "),
        "{line}"
    );
}
