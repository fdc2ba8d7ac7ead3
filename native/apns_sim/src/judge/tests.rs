//! The judge without a network: one request for each reason, and the order of the checks.

mod bench;

use http::Method;

use super::*;
use bench::{Bench, object_of};

const NOW: i64 = 1_800_000_000;
const TOPIC: &str = "im.example.chat";
const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

#[test]
fn a_good_request_passes_with_or_without_what_is_optional() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(), Ok(()));
    bench.set("apns-id", "123E4567-e89b-12d3-a456-42665544000a");
    bench.set("apns-expiration", "0");
    bench.set("apns-priority", "1");
    bench.set("apns-collapse-id", &"c".repeat(64));
    bench.body(object_of(4096));
    assert_eq!(bench.judge(), Ok(()));
    bench.remove("apns-push-type");
    assert_eq!(bench.judge(), Ok(()));
}

#[test]
fn each_fault_has_its_reason() {
    type Bend = fn(&mut Bench);
    let faults: &[(&str, Bend)] = &[
        ("MethodNotAllowed", |b| b.request.method = Method::GET),
        ("BadPath", |b| b.path("/3/devices/00")),
        ("BadPath", |b| b.path("/3/device/00/00")),
        ("MissingDeviceToken", |b| b.path("/3/device/")),
        ("DuplicateHeaders", |b| b.add("apns-topic", TOPIC)),
        ("MissingProviderToken", |b| b.remove("authorization")),
        ("MissingProviderToken", |b| {
            b.set("authorization", "basic abc")
        }),
        ("MissingProviderToken", |b| {
            b.set("authorization", "bearer ")
        }),
        ("InvalidProviderToken", |b| {
            b.set("authorization", "bearer a.b.c")
        }),
        ("InvalidProviderToken", |b| {
            b.bend_authorization(|text| format!("{text}="))
        }),
        ("InvalidProviderToken", |b| {
            b.bend_authorization(|text| text.replacen("ey", "fy", 1))
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(r#"{"alg":"ES384","kid":"SIMKEY0001"}"#, CLAIMS)
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(r#"{"alg":"ES256","kid":"STRANGER01"}"#, CLAIMS)
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(r#"{"alg":"ES256"}"#, CLAIMS)
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(HEADER, r#"{"iss":"STRANGER01","iat":1800000000}"#)
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(HEADER, r#"{"iss":"SIMTEAM001","iat":"1800000000"}"#)
        }),
        ("InvalidProviderToken", |b| {
            b.sign_as(HEADER, r#"{"iss":"SIMTEAM001"}"#)
        }),
        ("InvalidProviderToken", |b| {
            b.rules.keys[0].public_point.reverse()
        }),
        ("ExpiredProviderToken", |b| b.sign(NOW - 3601)),
        ("ExpiredProviderToken", |b| b.sign(NOW + 60)),
        ("BadMessageId", |b| {
            b.set("apns-id", "123e4567e89b12d3a45642665544000a")
        }),
        ("InvalidPushType", |b| b.set("apns-push-type", "Alert")),
        ("MissingTopic", |b| b.remove("apns-topic")),
        ("BadTopic", |b| b.set("apns-topic", "im example")),
        ("BadTopic", |b| b.set("apns-topic", "")),
        ("TopicDisallowed", |b| {
            b.set("apns-topic", "im.example.other")
        }),
        ("TopicDisallowed", |b| {
            b.set("apns-topic", "im.example.chat.voip")
        }),
        ("TopicDisallowed", |b| b.set("apns-push-type", "voip")),
        ("BadExpirationDate", |b| {
            b.set("apns-expiration", "tomorrow")
        }),
        ("BadExpirationDate", |b| b.set("apns-expiration", "-1")),
        ("BadExpirationDate", |b| b.set("apns-expiration", "")),
        ("BadPriority", |b| b.set("apns-priority", "7")),
        ("BadPriority", |b| b.set("apns-priority", "high")),
        ("BadPriority", |b| b.set("apns-push-type", "background")),
        ("BadCollapseId", |b| {
            b.set("apns-collapse-id", &"c".repeat(65))
        }),
        ("BadCollapseId", |b| b.set("apns-collapse-id", "")),
        ("PayloadEmpty", |b| b.body("")),
        ("PayloadEmpty", |b| b.body("{}")),
        ("PayloadEmpty", |b| b.body("[1]")),
        ("PayloadEmpty", |b| b.body(r#"{"aps":"#)),
        ("PayloadTooLarge", |b| b.body(object_of(4097))),
        ("BadDeviceToken", |b| b.path("/3/device/zz")),
        ("BadDeviceToken", |b| b.path("/3/device/abc")),
        ("DeviceTokenNotForTopic", |b| {
            b.devices.mark(
                TOKEN,
                Device::Registered {
                    topic: "im.other".into(),
                },
            )
        }),
        ("Unregistered", |b| {
            b.devices.mark(TOKEN, gone(Reason::UNREGISTERED))
        }),
        ("ExpiredToken", |b| {
            b.devices.mark(TOKEN, gone(Reason::EXPIRED_TOKEN))
        }),
        ("BadCertificate", |b| {
            b.identity = Some(certificate(&[], Environment::Production))
        }),
        ("BadCertificateEnvironment", |b| {
            b.rules.environment = Environment::Production;
            b.identity = Some(certificate(&[TOPIC], Environment::Development));
        }),
    ];
    for (at, (reason, bend)) in faults.iter().enumerate() {
        let mut bench = Bench::new();
        bend(&mut bench);
        assert_eq!(bench.judge(), Err(*reason), "fault {at}");
    }
}

const HEADER: &str = r#"{"alg":"ES256","kid":"SIMKEY0001"}"#;
const CLAIMS: &str = r#"{"iss":"SIMTEAM001","iat":1800000000}"#;

fn gone(reason: Reason) -> Device {
    Device::Unregistered {
        timestamp_ms: 1,
        reason,
    }
}

fn certificate(topics: &[&str], environment: Environment) -> ClientIdentity {
    ClientIdentity {
        topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
        environment,
    }
}

#[test]
fn of_several_faults_the_first_in_order_is_told() {
    type Bend = fn(&mut Bench);
    // All at once; each is then put right, in the order of the checks.
    let faults: &[(&str, Bend, Bend)] = &[
        (
            "MethodNotAllowed",
            |b| b.request.method = Method::PUT,
            |b| b.request.method = Method::POST,
        ),
        ("BadPath", |b| b.path("/x"), |b| b.path("/3/device/xyz")),
        (
            "DuplicateHeaders",
            |b| b.add("apns-topic", "no topic"),
            |b| b.set("apns-topic", "no topic"),
        ),
        (
            "MissingProviderToken",
            |b| b.remove("authorization"),
            |b| b.sign(NOW),
        ),
        (
            "BadMessageId",
            |b| b.set("apns-id", "no uuid"),
            |b| b.remove("apns-id"),
        ),
        (
            "InvalidPushType",
            |b| b.set("apns-push-type", "none"),
            |b| b.set("apns-push-type", "alert"),
        ),
        ("BadTopic", |_| {}, |b| b.set("apns-topic", TOPIC)),
        (
            "BadExpirationDate",
            |b| b.set("apns-expiration", "x"),
            |b| b.remove("apns-expiration"),
        ),
        (
            "BadPriority",
            |b| b.set("apns-priority", "x"),
            |b| b.remove("apns-priority"),
        ),
        (
            "BadCollapseId",
            |b| b.set("apns-collapse-id", ""),
            |b| b.remove("apns-collapse-id"),
        ),
        (
            "PayloadTooLarge",
            |b| b.body(object_of(5000)),
            |b| b.body(object_of(100)),
        ),
        (
            "BadDeviceToken",
            |_| {},
            |b| b.path(&format!("/3/device/{TOKEN}")),
        ),
    ];
    let mut bench = Bench::new();
    faults.iter().for_each(|(_, bend, _)| bend(&mut bench));
    for (reason, _, mend) in faults {
        assert_eq!(bench.judge(), Err(*reason));
        mend(&mut bench);
    }
    assert_eq!(bench.judge(), Ok(()));
}

#[test]
fn each_push_type_has_its_topic_and_its_size() {
    for push_type in PushType::all() {
        let mut bench = Bench::new();
        bench.set("apns-push-type", push_type.name);
        bench.set("apns-topic", &format!("{TOPIC}{}", push_type.topic_suffix));
        bench.set("apns-priority", "5");
        bench.body(object_of(push_type.payload_limit));
        assert_eq!(bench.judge(), Ok(()), "{}", push_type.name);
        bench.body(object_of(push_type.payload_limit + 1));
        assert_eq!(bench.judge(), Err("PayloadTooLarge"), "{}", push_type.name);
    }
}

#[test]
fn an_expired_provider_token_wedges_the_connection() {
    let mut bench = Bench::new();
    bench.sign(NOW - 4000);
    assert_eq!(bench.judge(), Err("ExpiredProviderToken"));
    bench.sign(NOW);
    assert_eq!(bench.judge(), Err("ExpiredProviderToken"));
    bench.memory = Memory::default();
    assert_eq!(bench.judge(), Ok(()));
}

#[test]
fn the_second_new_provider_token_within_20_minutes_is_one_too_many() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(), Ok(()));
    bench.sign(NOW - 1);
    assert_eq!(bench.judge(), Ok(()));
    bench.sign(NOW - 2);
    assert_eq!(bench.judge(), Err("TooManyProviderTokenUpdates"));
    bench.now = NOW + 1199;
    assert_eq!(bench.judge(), Err("TooManyProviderTokenUpdates"));
    bench.now = NOW + 1200;
    assert_eq!(bench.judge(), Ok(()));
}

#[test]
fn how_often_a_new_provider_token_may_come_can_be_changed() {
    let mut bench = Bench::new();
    bench.token_updates = TokenUpdates::Strict;
    assert_eq!(bench.judge(), Ok(()));
    bench.now = NOW + 1199;
    bench.sign(NOW - 1);
    assert_eq!(bench.judge(), Err("TooManyProviderTokenUpdates"));
    bench.now = NOW + 1200;
    assert_eq!(
        bench.judge(),
        Ok(()),
        "20 minutes after the first was shown"
    );

    bench.memory = Memory::default();
    bench.token_updates = TokenUpdates::Free;
    for iat in [NOW, NOW - 1, NOW - 2, NOW - 3] {
        bench.sign(iat);
        assert_eq!(bench.judge(), Ok(()));
    }
}

#[test]
fn another_key_needs_another_connection() {
    let mut bench = Bench::new();
    assert_eq!(bench.judge(), Ok(()));
    bench.sign_as(r#"{"alg":"ES256","kid":"SIMKEY0002"}"#, CLAIMS);
    assert_eq!(bench.judge(), Err("UnrelatedKeyIdInToken"));
    bench.memory = Memory::default();
    assert_eq!(bench.judge(), Ok(()));
}

#[test]
fn a_client_certificate_stands_for_the_provider_and_may_stand_for_the_topic() {
    let mut bench = Bench::new();
    bench.identity = Some(certificate(&[TOPIC], Environment::Production));
    bench.set("authorization", "nonsense is ignored");
    bench.remove("apns-topic");
    assert_eq!(bench.judge(), Ok(()));
    let topic = "im.other".into();
    bench.devices.mark(TOKEN, Device::Registered { topic });
    assert_eq!(bench.judge(), Err("DeviceTokenNotForTopic"));
    bench.devices = Devices::default();
    bench.identity = Some(certificate(
        &[TOPIC, "im.example.chat.voip"],
        Environment::Production,
    ));
    assert_eq!(bench.judge(), Err("MissingTopic"));
    bench.set("apns-topic", TOPIC);
    assert_eq!(bench.judge(), Ok(()));
    bench.identity = Some(certificate(&["im.example.other"], Environment::Production));
    assert_eq!(bench.judge(), Err("TopicDisallowed"));
}
