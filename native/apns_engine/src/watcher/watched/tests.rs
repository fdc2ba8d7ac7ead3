//! Files replaced in every way that admins and their tools have, looked at by hand.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

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

    fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// As `mv` does, and most programs that replace a file.
    fn rename_over(&self, name: &str, content: &str) {
        fs::rename(self.write("new", content), self.path(name)).unwrap();
    }

    /// As `ln -sfn` does.
    fn link_over(&self, name: &str, to: &str) {
        symlink(to, self.path("new")).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }
}

fn key() -> String {
    KeyPair::generate().unwrap().serialize_pem()
}

/// A certificate and its key, good in the years 2026 to 2028 or from another year on.
fn certificate(from: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn key_options(key_file: PathBuf) -> Options {
    Options {
        key_file: Some(key_file),
        key_id: Some("ABC123DEFG".to_owned()),
        team_id: Some("DEF123GHIJ".to_owned()),
        ..Options::default()
    }
}

fn certificate_options(certificate_file: PathBuf, key_file: PathBuf) -> Options {
    Options {
        certificate_file: Some(certificate_file),
        key_file: Some(key_file),
        ..Options::default()
    }
}

/// As an app that has just been started with these.
fn watched(options: &Options) -> Watched {
    let topic = Topic::parse("com.example.chat").unwrap();
    let current = Credentials::load(options, &topic, NOW).unwrap();
    let stats = Arc::new(Stats::default());
    Watched::new(options.clone(), topic, Arc::new(current), stats, drop)
}

fn is_changed(news: Option<News>) -> bool {
    match news {
        Some(News::Changed { .. }) => true,
        Some(News::Unusable(problem)) => panic!("{problem}"),
        None => false,
    }
}

fn problem(news: Option<News>) -> Option<String> {
    match news {
        Some(News::Unusable(problem)) => Some(problem),
        Some(News::Changed { .. }) => panic!("changed"),
        None => None,
    }
}

#[test]
fn files_that_stay_as_they_are_are_no_news_and_are_left_alone_after_a_while() {
    let dir = Directory::new();
    let mut watched = watched(&key_options(dir.write("push.p8", &key())));
    for _ in 0..3 {
        assert!(!is_changed(watched.look(NOW)));
    }
    assert!(watched.settled);
}

#[test]
fn a_file_is_read_again_however_it_is_replaced() {
    let dir = Directory::new();
    let path = dir.path("push.p8");
    let replace: [(&str, &dyn Fn()); 5] = [
        ("in place", &|| drop(dir.write("push.p8", &key()))),
        ("by rename", &|| dir.rename_over("push.p8", &key())),
        ("deleted and made anew", &|| {
            fs::remove_file(&path).unwrap();
            dir.write("push.p8", &key());
        }),
        ("by a link", &|| {
            dir.write("first.p8", &key());
            dir.link_over("push.p8", "first.p8");
        }),
        ("by another link", &|| {
            dir.write("second.p8", &key());
            dir.link_over("push.p8", "second.p8");
        }),
    ];
    let mut watched = watched(&key_options(dir.write("push.p8", &key())));
    for (how, replace) in replace {
        replace();
        assert!(is_changed(watched.look(NOW)), "{how}");
        assert!(!is_changed(watched.look(NOW)), "{how}");
        assert!(!is_changed(watched.look(NOW)), "{how}");
    }
}

/// Kubernetes: the files are links into a directory that is a link itself, and that one is swapped.
#[test]
fn a_directory_swapped_under_the_files_is_a_change_of_both() {
    let dir = Directory::new();
    for version in ["1", "2"] {
        let (certificate, key) = certificate(2026);
        fs::create_dir(dir.path(version)).unwrap();
        dir.write(&format!("{version}/tls.crt"), &certificate);
        dir.write(&format!("{version}/tls.key"), &key);
    }
    dir.link_over("data", "1");
    symlink("data/tls.crt", dir.path("tls.crt")).unwrap();
    symlink("data/tls.key", dir.path("tls.key")).unwrap();
    let mut watched = watched(&certificate_options(
        dir.path("tls.crt"),
        dir.path("tls.key"),
    ));
    assert!(!is_changed(watched.look(NOW)));
    dir.link_over("data", "2");
    assert!(is_changed(watched.look(NOW)));
    assert!(!is_changed(watched.look(NOW)));
}

#[test]
fn a_link_without_a_key_id_in_the_options_brings_the_new_keys_id() {
    let dir = Directory::new();
    dir.write("AuthKey_ABC123DEFG.p8", &key());
    dir.write("AuthKey_XYZ987WVUT.p8", &key());
    dir.link_over("push.p8", "AuthKey_ABC123DEFG.p8");
    let mut with_id = watched(&key_options(dir.path("push.p8")));
    let mut watched = watched(&Options {
        key_id: None,
        ..key_options(dir.path("push.p8"))
    });
    dir.link_over("push.p8", "AuthKey_XYZ987WVUT.p8");
    let Some(News::Changed {
        credentials,
        warning: None,
    }) = watched.look(NOW)
    else {
        panic!("not changed, or warned of")
    };
    assert!(
        credentials.describe().ends_with("the key id XYZ987WVUT"),
        "{credentials:?}"
    );
    // Whoever has written the id down, and forgets it, hears why Apple refuses the new key.
    let Some(News::Changed {
        warning: Some(warning),
        ..
    }) = with_id.look(NOW)
    else {
        panic!("not changed, or not warned of")
    };
    assert!(
        warning.contains("key_id is ABC123DEFG, but the name of key_file says XYZ987WVUT"),
        "{warning}"
    );
}

#[test]
fn the_same_key_written_again_is_no_news() {
    let dir = Directory::new();
    let pem = key();
    let mut watched = watched(&key_options(dir.write("push.p8", &pem)));
    assert!(!is_changed(watched.look(NOW)));
    dir.rename_over("push.p8", &format!("Bag Attributes\n{pem}"));
    assert!(!is_changed(watched.look(NOW)));
}

#[test]
fn what_was_changed_before_the_first_look_is_not_missed() {
    let dir = Directory::new();
    let mut watched = watched(&key_options(dir.write("push.p8", &key())));
    dir.rename_over("push.p8", &key());
    assert!(is_changed(watched.look(NOW)));
}

#[test]
fn a_second_change_within_a_tick_of_the_file_systems_clock_is_found() {
    let dir = Directory::new();
    let mut watched = watched(&key_options(dir.write("push.p8", &key())));
    dir.write("push.p8", &key());
    assert!(is_changed(watched.look(NOW)));
    let path = dir.write("push.p8", &key());
    // As if the clock had not moved.
    watched.seen = Some(vec![Stamp::of(&path)]);
    assert!(is_changed(watched.look(NOW)));
}

#[test]
fn a_file_that_stays_bad_is_told_of_once_for_each_problem() {
    let dir = Directory::new();
    let good = key();
    let mut watched = watched(&key_options(dir.write("push.p8", &good)));
    let mut look = || {
        problem(watched.look(NOW)).map(|line| line.replace(dir.0.path().to_str().unwrap(), "DIR"))
    };
    assert_eq!(look(), None);
    dir.write("push.p8", &good[..100]);
    assert_eq!(look(), None);
    assert_eq!(
        look().unwrap(),
        "key_file: DIR/push.p8: the key file ends before its line -----END PRIVATE KEY-----: copy it again; until it is \
         put right, the credentials that were read before are used"
    );
    dir.write("push.p8", &good[..110]);
    assert_eq!([look(), look()], [None, None]);
    fs::remove_file(dir.path("push.p8")).unwrap();
    let missing = look().unwrap();
    assert!(missing.contains("No such file or directory"), "{missing}");
    assert_eq!([look(), look()], [None, None]);
    // Good again, then bad as before: that is news.
    dir.write("push.p8", &good);
    assert_eq!([look(), look()], [None, None]);
    fs::remove_file(dir.path("push.p8")).unwrap();
    assert_eq!(look(), None);
    assert_eq!(look(), Some(missing));
    assert_eq!(watched.stats.credentials_failures.get(), 9);
}

#[test]
fn a_certificate_and_its_key_replaced_one_after_the_other_alarm_nobody() {
    let dir = Directory::new();
    let (first, first_key) = certificate(2026);
    let files = (
        dir.write("push.pem", &first),
        dir.write("key.pem", &first_key),
    );
    let mut watched = watched(&certificate_options(files.0, files.1));
    assert!(!is_changed(watched.look(NOW)));
    let (second, second_key) = certificate(2026);
    dir.rename_over("push.pem", &second);
    assert!(!is_changed(watched.look(NOW)));
    dir.rename_over("key.pem", &second_key);
    assert!(is_changed(watched.look(NOW)));
}

#[test]
fn a_certificate_whose_days_have_not_begun_is_used_from_the_first_on() {
    let dir = Directory::new();
    let (first, key) = certificate(2026);
    let options = certificate_options(dir.write("push.pem", &first), dir.write("key.pem", &key));
    let mut watched = watched(&options);
    let (next, key) = certificate(2027);
    dir.write("push.pem", &next);
    dir.write("key.pem", &key);
    let begin = 1_798_761_600;
    assert_eq!(problem(watched.look(begin - 7200)), None);
    let line = problem(watched.look(begin - 3600)).unwrap();
    assert!(line.contains("begins on 2027-01-01 00:00 UTC"), "{line}");
    // The sentence has the clock in it, and is said once all the same.
    assert_eq!(problem(watched.look(begin - 1800)), None);
    assert!(is_changed(watched.look(begin)));
}

#[test]
fn a_panic_over_a_file_is_told_of_and_not_repeated() {
    let dir = Directory::new();
    let mut watched = watched(&key_options(dir.write("push.p8", &key())));
    assert_eq!(problem(watched.handle_panic()), None);
    let line = problem(watched.handle_panic()).unwrap();
    assert!(line.contains("please report it"), "{line}");
    assert_eq!(problem(watched.handle_panic()), None);
    assert!(!is_changed(watched.look(NOW)));
}

#[test]
fn debug_shows_no_secret() {
    let dir = Directory::new();
    let (certificate, key) = certificate(2026);
    let watched = watched(&Options {
        password: Some("opensesame".into()),
        ..certificate_options(
            dir.write("push.pem", &certificate),
            dir.write("key.pem", &key),
        )
    });
    let shown = format!("{watched:?}");
    assert!(
        shown.contains("ClientCertificate") && !shown.contains("opensesame"),
        "{shown}"
    );
}
