//! TLS that goes wrong after the provider took it for done, and doors that are for some connections only.

use apns_sim::ClientCertificate;

use crate::support::raw::{PING, RawProvider, frame};
use crate::support::{Provider, TOKEN, TOPIC, client_config, run, simulator};

#[test]
fn a_client_certificate_is_refused_after_the_handshake() {
    run(async {
        let simulator = simulator();
        let file = simulator.client_certificate_file(ClientCertificate::Good, TOPIC);
        // The delay lets the push be written for sure before the alert.
        let script = r#"[{"tls":"refuse_client_certificate","times":1},
                         {"open":"delay_handshake","value":200,"times":1}]"#;
        simulator.script_json(script).unwrap();
        let config = client_config(&simulator, Some(&file));
        let mut raw = RawProvider::over(&simulator, config.clone()).await;
        raw.write(&raw.first_bytes(TOKEN)).await.unwrap();
        // More than TCP holds: the simulator takes it and throws it away, so that no reset overtakes the alert.
        let more = frame(PING, 0, 0, b"and more").repeat(500_000);
        raw.write(&more).await.unwrap();
        let error = raw.read_error().await;
        assert!(error.to_string().contains("CertificateRevoked"), "{error}");
        assert!(simulator.journal(1).is_empty(), "nothing was processed");

        let mut second = Provider::over(&simulator, config).await.unwrap();
        assert_eq!(second.push().await.unwrap().status, 200);
    });
}

#[test]
fn a_provider_without_a_certificate_is_not_refused_one() {
    run(async {
        let simulator = simulator();
        simulator
            .script_json(r#"{"tls":"refuse_client_certificate"}"#)
            .unwrap();
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
fn doors_can_be_for_some_connections_only_and_take_turns() {
    run(async {
        let simulator = simulator();
        let script = r#"[{"tls":"expired_certificate","skip":1,"times":1},
                         {"listener":"cut","times":1}]"#;
        simulator.script_json(script).unwrap();
        let handshake = async || {
            let tcp = tokio::net::TcpStream::connect(simulator.provider_addr())
                .await
                .unwrap();
            let config = std::sync::Arc::new(client_config(&simulator, None));
            let connector = tokio_rustls::TlsConnector::from(config);
            connector
                .connect("localhost".try_into().unwrap(), tcp)
                .await
                .map(drop)
        };
        let first = handshake().await.unwrap_err();
        assert!(
            first
                .get_ref()
                .is_none_or(|cause| !cause.is::<rustls::Error>()),
            "{first}"
        );
        let second = handshake().await.unwrap_err();
        assert!(
            second.to_string().contains("certificate expired"),
            "{second}"
        );
        handshake().await.unwrap();
    });
}
