use std::fs;

use super::*;

/// An app that can start, with its files in a directory that is gone after the test.
fn good() -> (tempfile::TempDir, Options) {
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("AuthKey_ABC123DEFG.p8");
    fs::write(
        &key_file,
        rcgen::KeyPair::generate().unwrap().serialize_pem(),
    )
    .unwrap();
    let ca_file = dir.path().join("ca.pem");
    let ca = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
    fs::write(&ca_file, ca.cert.pem()).unwrap();
    let options = Options {
        key_file: Some(key_file),
        team_id: Some("DEF123GHIJ".into()),
        ca_file: Some(ca_file),
        ..Options::default()
    };
    (dir, options)
}

#[test]
fn defaults_suffice_but_for_the_key() {
    let (_dir, options) = good();
    let config = AppConfig::parse(
        "com.example.chat",
        &Options {
            ca_file: None,
            ..options
        },
    )
    .unwrap();
    assert_eq!(config.topic.as_str(), "com.example.chat");
    assert_eq!(config.endpoint.authority, "api.push.apple.com");
    assert_eq!(config.outcomes, Outcomes::Failures);
    assert_eq!(config.authorization_coding, AuthorizationCoding::Literal);
    assert_eq!(config.limits.queue_limit, 100_000);
    assert_eq!(config.limits.queue_bytes, 64 << 20);
    assert_eq!(config.limits.queue_timeout.as_secs(), 3600);
    assert_eq!(config.limits.connect_timeout.as_secs(), 10);
    assert_eq!(config.limits.response_timeout.as_secs(), 30);
    assert_eq!(config.limits.ping_interval.as_secs(), 60);
    assert_eq!(config.limits.ping_timeout.as_secs(), 10);
    let mut backoff = config.limits.reconnect_backoff();
    assert_eq!(backoff.next(0).as_millis(), 500);
    assert_eq!(
        (0..20)
            .map(|_| backoff.next(u64::MAX))
            .max()
            .unwrap()
            .as_secs(),
        60
    );
}

#[test]
fn the_topic_is_given_or_the_apps_name() {
    let (_dir, options) = good();
    let topic = |app: &str, topic: Option<&str>| {
        let options = Options {
            topic: topic.map(str::to_owned),
            ..options.clone()
        };
        AppConfig::parse(app, &options)
            .map(|config| config.topic.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        topic("beta", Some("com.example.chat")).unwrap(),
        "com.example.chat"
    );
    assert_eq!(topic("com.example.chat", None).unwrap(), "com.example.chat");
    let error = Topic::parse("our chat").unwrap_err();
    assert_eq!(
        topic("our chat", None).unwrap_err(),
        format!("topic: missing, and the app's name cannot stand for it: {error}")
    );
    assert_eq!(
        topic("beta", Some("our chat")).unwrap_err(),
        format!("topic: {error}")
    );
    assert_eq!(
        topic("", None).unwrap_err(),
        "app: an app needs a name, best the app's bundle id"
    );
    assert_eq!(
        topic("a\nb", None).unwrap_err(),
        "app: the app's name holds a control character"
    );
    assert_eq!(
        topic(&"a".repeat(256), None).unwrap_err(),
        "app: the app's name has 256 bytes, 255 are allowed"
    );
}

#[test]
fn only_a_provider_token_can_be_indexed() {
    let (_dir, options) = good();
    let options = Options {
        index_authorization: true,
        ..options
    };
    let config = AppConfig::parse("com.example.chat", &options).unwrap();
    assert_eq!(config.authorization_coding, AuthorizationCoding::Indexed);
    let with_certificate = Options {
        certificate_file: Some("certificate.pem".into()),
        ..options
    };
    let error = AppConfig::parse("com.example.chat", &with_certificate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "index_authorization: is for provider tokens: beside certificate_file there is none, leave it away"
    );
}

#[test]
fn a_topic_that_ends_with_a_push_types_suffix_is_warned_of() {
    let (_dir, options) = good();
    let warned = |topic: &str| {
        let topic = Some(topic.to_owned());
        let options = Options {
            topic,
            ..options.clone()
        };
        let config = AppConfig::parse("beta", &options).unwrap();
        config
            .warnings
            .iter()
            .any(|warning| warning.starts_with("topic: "))
    };
    for push_type in PushType::ALL {
        let suffix = push_type.topic_suffix();
        assert_eq!(
            warned(&format!("com.example.chat{suffix}")),
            !suffix.is_empty(),
            "{push_type}"
        );
    }
    assert!(!warned("com.example.voip.chat"));
}

#[test]
fn what_is_wrong_is_told_by_the_options_name() {
    let (dir, options) = good();
    let path = |name: &str, content: &str| {
        fs::write(dir.path().join(name), content).unwrap();
        Some(dir.path().join(name))
    };
    let table = [
        (
            Options {
                transport: TransportOption::Binary,
                ..options.clone()
            },
            "transport: binary is not available in this version: write http2",
        ),
        (
            Options {
                environment: EnvironmentOption::Url("staging".into()),
                ..options.clone()
            },
            "environment: \"staging\" is neither production nor sandbox nor a URL: write https://host or https://host:port",
        ),
        (
            Options {
                ca_file: Some("/no/such/file".into()),
                ..options.clone()
            },
            "ca_file: cannot read /no/such/file: No such file or directory (os error 2)",
        ),
        (
            Options {
                ca_file: Some("".into()),
                ..options.clone()
            },
            "ca_file: the path is empty: name a file, or leave the option out",
        ),
        (
            Options {
                key_file: Some("".into()),
                ..options.clone()
            },
            "key_file: the path is empty: name a file, or leave the option out",
        ),
        (
            Options {
                certificate_file: Some("".into()),
                team_id: None,
                ..options.clone()
            },
            "certificate_file: the path is empty: name a file, or leave the option out",
        ),
        (
            Options {
                ca_file: path("text.pem", "no PEM"),
                ..options.clone()
            },
            "ca_file: DIR/text.pem is not PEM: wanted are root certificates in PEM, -----BEGIN CERTIFICATE-----",
        ),
        (
            Options {
                ca_file: options.key_file.clone(),
                ..options.clone()
            },
            "ca_file: DIR/AuthKey_ABC123DEFG.p8 holds no certificate but PRIVATE KEY: wanted are root certificates in PEM, -----BEGIN CERTIFICATE-----",
        ),
        (
            Options {
                ca_file: path(
                    "bad.pem",
                    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
                ),
                ..options.clone()
            },
            "ca_file: certificate 1 of DIR/bad.pem cannot be used as a root",
        ),
        (
            Options {
                ca_file: path("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIC\n"),
                ..options.clone()
            },
            "ca_file: DIR/cut.pem is damaged: a PEM section is cut off or altered",
        ),
        (
            Options {
                team_id: None,
                ..options
            },
            "team_id: missing: the 10 characters on the membership page of your Apple developer account",
        ),
    ];
    for (options, line) in table {
        let error = AppConfig::parse("com.example.chat", &options).unwrap_err();
        assert_eq!(
            error
                .to_string()
                .replace(dir.path().to_str().unwrap(), "DIR"),
            line
        );
        assert!(line.starts_with(error.option()) && error.to_string().ends_with(error.problem()));
    }
}

#[test]
fn a_key_id_that_contradicts_the_files_name_is_warned_of() {
    let (_dir, options) = good();
    let warnings = |key_id: Option<&str>| {
        let options = Options {
            key_id: key_id.map(str::to_owned),
            ..options.clone()
        };
        AppConfig::parse("com.example.chat", &options)
            .unwrap()
            .warnings
    };
    assert_eq!(
        warnings(Some("XYZ987WVUT")),
        [
            "key_id is XYZ987WVUT, but the name of key_file says ABC123DEFG: one of the two may be of another key, and then Apple refuses every push"
        ]
    );
    assert_eq!(warnings(Some("ABC123DEFG")), [""; 0]);
    assert_eq!(warnings(None), [""; 0]);
}

#[test]
fn numbers_out_of_range_are_refused_and_both_ends_are_in() {
    let (_dir, options) = good();
    let parse = |options: &Options| {
        AppConfig::parse("com.example.chat", options)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    for number in NUMBERS {
        assert!(
            (number.min..=number.max).contains(&number.default),
            "{}",
            number.name
        );
        let with = |value| {
            let mut options = Options {
                reconnect_max_interval: 3_600_000,
                reconnect_min_interval: 10,
                probe_max_interval: 86_400_000,
                probe_min_interval: 10,
                ..options.clone()
            };
            *options.number_mut(number.name).unwrap() = value;
            options
        };
        assert_eq!(parse(&with(number.min)), Ok(()), "{}", number.name);
        assert_eq!(parse(&with(number.max)), Ok(()), "{}", number.name);
        for value in [number.min - 1, number.max + 1, u64::MAX] {
            let NumberOption {
                name,
                unit,
                min,
                max,
                ..
            } = number;
            let line =
                format!("{name}: {value} is out of range: {min} to {max} {unit} are possible");
            assert_eq!(parse(&with(value)), Err(line));
        }
    }
    let options = Options {
        reconnect_min_interval: 1000,
        reconnect_max_interval: 999,
        ..options
    };
    assert_eq!(
        parse(&options).unwrap_err(),
        "reconnect_max_interval: 999 ms is less than reconnect_min_interval, 1000 ms"
    );
}

#[test]
fn differences_name_every_option_in_order() {
    let mut other = Options {
        topic: Some("t".into()),
        environment: EnvironmentOption::Sandbox,
        key_file: Some("k".into()),
        key_id: Some("i".into()),
        team_id: Some("t".into()),
        certificate_file: Some("c".into()),
        password: Some("p".into()),
        ca_file: Some("a".into()),
        transport: TransportOption::Binary,
        outcomes: Outcomes::All,
        index_authorization: true,
        ..Options::default()
    };
    for number in NUMBERS {
        *other.number_mut(number.name).unwrap() += 1;
    }
    let mut all = vec![
        "topic",
        "environment",
        "key_file",
        "key_id",
        "team_id",
        "certificate_file",
        "password",
        "ca_file",
        "transport",
        "outcomes",
        "index_authorization",
    ];
    all.extend(NUMBERS.iter().map(|number| number.name));
    assert_eq!(Options::default().differences(&other), all);
    assert_eq!(other.differences(&other.clone()), [""; 0]);
    assert_eq!(Options::default().number_mut("topic"), None);
}

#[test]
fn debug_hides_what_is_secret() {
    let options = Options {
        password: Some("opensesame".into()),
        environment: EnvironmentOption::Url("https://me:opensesame@push.example".into()),
        ..Options::default()
    };
    let shown = format!("{options:?}");
    assert!(!shown.contains("opensesame"), "{shown}");
    assert!(
        shown.contains("password: Some(\"..\")") && shown.contains("queue_limit: 100000"),
        "{shown}"
    );

    let (_dir, options) = good();
    let shown = format!(
        "{:?}",
        AppConfig::parse("com.example.chat", &options)
            .unwrap()
            .credentials
    );
    assert_eq!(
        shown,
        "Token { key_id: KeyId(ABC123DEFG), team_id: TeamId(DEF123GHIJ), .. }"
    );
}
