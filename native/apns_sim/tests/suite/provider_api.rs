//! The provider API as a well-behaved provider sees it, and TLS as all do.

use std::sync::Arc;

use apns_sim::{ClientCertificate, Environment, Options, Reason, Simulator};

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::raw::RawProvider;
use crate::support::{
    DEADLINE, HELLO, Provider, Signer, Spec, TOKEN, TOPIC, client_config, run, simulator,
    wait_until,
};

#[test]
fn a_good_request_is_accepted_and_stands_in_the_journal() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let id = "123e4567-e89b-12d3-a456-42665544000a";
        let request = provider.request().header("apns-id", id);
        let answer = provider.exchange(request, HELLO).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["apns-id"], id);
        assert!(answer.headers.contains_key("apns-unique-id"));
        assert!(answer.body.is_empty());

        let [entry] = &simulator.journal(1)[..] else {
            panic!("one entry")
        };
        assert_eq!(
            (entry.sequence, entry.connection, entry.stream_id),
            (1, 1, 1)
        );
        assert_eq!(
            (entry.method.as_str(), entry.path.as_str()),
            ("POST", &*format!("/3/device/{TOKEN}"))
        );
        assert_eq!(entry.token.as_deref(), Some(TOKEN));
        assert_eq!(entry.header("apns-topic"), Some(TOPIC));
        assert_eq!((entry.status, entry.reason.as_deref()), (Some(200), None));
        assert_eq!(entry.apns_id.as_deref(), Some(id));
        assert_eq!(
            entry.payload_json().unwrap()["aps"]["alert"]["body"],
            "Hello"
        );
        let claims = entry.provider_token.as_ref().unwrap();
        assert_eq!(claims.kid.as_deref(), Some(simulator.key_id()));
        assert!(
            entry
                .headers
                .iter()
                .all(|(name, _)| name != "authorization")
        );
    });
}

#[test]
fn an_apns_id_is_made_when_none_or_a_wrong_one_came() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let made = provider.push().await.unwrap().headers["apns-id"].clone();
        assert_eq!(made.len(), 36);
        let request = provider.request().header("apns-id", "7");
        let answer = provider.exchange(request, HELLO).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (400, "BadMessageId")
        );
        assert_ne!(answer.headers["apns-id"], made);
    });
}

#[test]
fn a_refusal_has_its_status_and_nothing_but_the_reason() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let answer = provider.push_to("xyz").await.unwrap();
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json(),
            serde_json::json!({ "reason": "BadDeviceToken" })
        );
        let request = provider.request().method("DELETE");
        let answer = provider.exchange(request, HELLO).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (405, "MethodNotAllowed")
        );
    });
}

#[test]
fn a_payload_beyond_all_limits_is_refused_and_the_connection_lives() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let huge = " ".repeat(200_000);
        let answer = provider.exchange(provider.request(), &huge).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (413, "PayloadTooLarge")
        );
        assert_eq!(provider.push().await.unwrap().status, 200);
        assert!(simulator.journal(1)[0].payload.len() < 40_000);
    });
}

#[test]
fn a_header_sent_twice_is_a_duplicate() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        let request = provider.request().header("apns-topic", TOPIC);
        assert_eq!(
            provider.exchange(request, HELLO).await.unwrap().reason(),
            "DuplicateHeaders"
        );
    });
}

#[test]
fn a_stranger_and_one_without_a_token_are_told_so() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        provider.bearer = Signer::of(&self::simulator()).bearer(&Spec::of(&simulator));
        assert_eq!(
            provider.push().await.unwrap().reason(),
            "InvalidProviderToken"
        );
        let request = http::Request::post(format!("https://localhost/3/device/{TOKEN}"));
        let answer = provider.exchange(request, HELLO).await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.reason().as_str()),
            (403, "MissingProviderToken")
        );
    });
}

#[test]
fn a_clock_that_is_off_makes_tokens_expire() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        simulator.script_json(r#"{"clock_offset_s":4000}"#).unwrap();
        let answer = provider.push().await.unwrap();
        assert_eq!(answer.reason(), Reason::EXPIRED_PROVIDER_TOKEN.name());
        simulator.reset();
        assert_eq!(
            provider.push().await.unwrap().reason(),
            "ExpiredProviderToken",
            "the connection is wedged"
        );
        assert_eq!(
            Provider::connect(&simulator)
                .await
                .push()
                .await
                .unwrap()
                .status,
            200
        );
    });
}

#[test]
fn production_sends_no_unique_id() {
    run(async {
        let options = Options {
            environment: Environment::Production,
            ..Options::default()
        };
        let simulator = Simulator::start(options).unwrap();
        let answer = Provider::connect(&simulator).await.push().await.unwrap();
        assert!(!answer.headers.contains_key("apns-unique-id"));
    });
}

#[test]
fn a_client_certificate_is_as_good_as_a_token() {
    run(async {
        let options = Options {
            environment: Environment::Production,
            ..Options::default()
        };
        let simulator = Simulator::start(options).unwrap();
        for (kind, reason) in [
            (ClientCertificate::Good, ""),
            (ClientCertificate::Development, "BadCertificateEnvironment"),
            (ClientCertificate::WithoutTopic, "BadCertificate"),
        ] {
            let file = simulator.client_certificate_file(kind, TOPIC);
            let mut provider = Provider::over(&simulator, client_config(&simulator, Some(&file)))
                .await
                .unwrap();
            let request = http::Request::post(format!("https://localhost/3/device/{TOKEN}"));
            let answer = provider
                .exchange(request.header("apns-topic", TOPIC), HELLO)
                .await
                .unwrap();
            assert_eq!(answer.reason(), reason, "{kind:?}");
        }
    });
}

#[test]
fn an_expired_client_certificate_ends_in_a_tls_alert() {
    run(async {
        let simulator = simulator();
        let file = simulator.client_certificate_file(ClientCertificate::Expired, TOPIC);
        // In TLS 1.3 the client has shaken hands before the server has judged its certificate.
        let mut tls = handshake(client_config(&simulator, Some(&file)), &simulator)
            .await
            .unwrap();
        let error = tls.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("CertificateExpired"), "{error}");
    });
}

#[test]
fn a_provider_that_does_not_offer_h2_is_not_served() {
    run(async {
        let simulator = simulator();
        let mut config = client_config(&simulator, None);
        config.alpn_protocols.clear();
        let Ok(mut provider) = Provider::over(&simulator, config).await else {
            return;
        };
        provider.push().await.unwrap_err();
        assert!(simulator.journal(1).is_empty());
    });
}

#[test]
fn each_tls_face_fails_in_its_own_way() {
    run(async {
        let simulator = simulator();
        for (face, error) in [
            ("expired_certificate", "Expired"),
            ("wrong_name", "NotValidForName"),
            ("unknown_authority", "UnknownIssuer"),
        ] {
            simulator
                .script_json(&format!(r#"{{"tls":"{face}"}}"#))
                .unwrap();
            let told = handshake(client_config(&simulator, None), &simulator)
                .await
                .expect_err(face);
            assert!(told.contains(error), "{face}: {told}");
        }
        for (face, protocol) in [("no_alpn", None), ("normal", Some(&b"h2"[..]))] {
            simulator
                .script_json(&format!(r#"{{"tls":"{face}"}}"#))
                .unwrap();
            let tls = handshake(client_config(&simulator, None), &simulator)
                .await
                .unwrap();
            assert_eq!(tls.get_ref().1.alpn_protocol(), protocol, "{face}");
        }
    });
}

/// A TLS handshake alone; an error is its text.
async fn handshake(
    config: ClientConfig,
    simulator: &Simulator,
) -> Result<TlsStream<TcpStream>, String> {
    let tcp = TcpStream::connect(simulator.provider_addr()).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect("localhost".try_into().unwrap(), tcp)
        .await
        .map_err(|error| format!("{error:?}"))
}

#[test]
fn a_listener_can_be_silent_from_the_first_byte_or_after_tls_or_cut() {
    run(async {
        let simulator = simulator();
        simulator.script_json(r#"{"listener":"silent"}"#).unwrap();
        let mut silent = TcpStream::connect(simulator.provider_addr()).await.unwrap();
        silent.write_all(b"is anybody there?").await.unwrap();
        // TCP connects before the simulator has taken the connection and seen how it is to be met.
        wait_until(|| simulator.connections_made() == 1).await;

        simulator.script_json(r#"{"listener":"cut"}"#).unwrap();
        let mut cut = TcpStream::connect(simulator.provider_addr()).await.unwrap();
        assert_eq!(
            tokio::time::timeout(DEADLINE, cut.read(&mut [0]))
                .await
                .unwrap()
                .unwrap_or(0),
            0
        );

        simulator
            .script_json(r#"{"listener":"silent_after_tls"}"#)
            .unwrap();
        let mut after_tls = RawProvider::connect(&simulator).await;

        simulator.script_json(r#"{"listener":"serve"}"#).unwrap();
        assert_eq!(
            Provider::connect(&simulator)
                .await
                .push()
                .await
                .unwrap()
                .status,
            200
        );
        // The others have heard nothing in all that time, and are still connected.
        assert_eq!(
            silent.try_read(&mut [0]).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
        assert!(after_tls.has_heard_nothing().await);
    });
}
