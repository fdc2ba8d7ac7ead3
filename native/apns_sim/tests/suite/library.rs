//! The handle that Rust tests hold.

use std::time::Duration;

use apns_sim::{Options, Simulator, StartError};

use crate::support::raw::{RawProvider, SETTINGS};
use crate::support::{DEADLINE, Provider, TOKEN, run, simulator};

#[test]
fn waiting_ends_with_the_requests_or_with_the_deadline() {
    run(async {
        let simulator = simulator();
        let mut provider = Provider::connect(&simulator).await;
        for _ in 0..3 {
            provider.push().await.unwrap();
        }
        assert_eq!(simulator.wait_for(3, DEADLINE).unwrap().len(), 3);
        assert_eq!(simulator.journal(3).len(), 1);
        let too_few = simulator.wait_for(4, Duration::from_millis(1)).unwrap_err();
        assert_eq!((too_few.expected, too_few.came), (4, 3));
        simulator.reset();
        assert!(simulator.journal(0).is_empty());
        provider.push().await.unwrap();
        assert_eq!(simulator.wait_for(1, DEADLINE).unwrap()[0].sequence, 1);
    });
}

#[test]
fn a_killed_simulator_cuts_all_refuses_new_ones_and_comes_back_on_its_port() {
    run(async {
        let simulator = simulator();
        let address = simulator.provider_addr();
        let mut raw = RawProvider::connect(&simulator).await;
        raw.next_of(SETTINGS).await;
        simulator.kill();
        assert_eq!(simulator.open_connections(), 0);
        assert!(!raw.ended_politely().await);
        let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        simulator.kill(); // a second time does no harm

        simulator.restart().unwrap();
        simulator.restart().unwrap();
        assert_eq!(simulator.provider_addr(), address);
        assert_eq!(
            Provider::connect(&simulator)
                .await
                .push()
                .await
                .unwrap()
                .status,
            200
        );
        assert_eq!(
            simulator.journal(1)[0].connection,
            2,
            "connection numbers go on"
        );
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_so() {
    let first = simulator();
    let options = Options {
        listen: first.provider_addr(),
        ..Options::default()
    };
    let error = Simulator::start(options).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error:?}");
    assert!(error.to_string().contains("choose another port"), "{error}");
}

#[test]
fn wrong_options_are_errors_that_say_what_is_right() {
    let short = Options {
        key_id: "SHORT".into(),
        ..Options::default()
    };
    assert!(
        Simulator::start(short)
            .unwrap_err()
            .to_string()
            .contains("key id \"SHORT\"")
    );
    let lower = Options {
        team_id: "lowercase1".into(),
        ..Options::default()
    };
    assert!(
        Simulator::start(lower)
            .unwrap_err()
            .to_string()
            .contains("team id")
    );
    let topic = Options {
        topics: vec!["../etc".into()],
        ..Options::default()
    };
    assert!(
        Simulator::start(topic)
            .unwrap_err()
            .to_string()
            .contains("bundle id")
    );
    let missing = Options {
        public_key: Some("/no/such/file".into()),
        ..Options::default()
    };
    assert!(
        Simulator::start(missing)
            .unwrap_err()
            .to_string()
            .contains("/no/such/file")
    );
}

#[test]
fn a_state_directory_keeps_authority_and_key() {
    run(async {
        let parent = simulator();
        let dir = parent.state_dir().join("kept");
        let start = || {
            Simulator::start(Options {
                state_dir: Some(dir.clone()),
                ..Options::default()
            })
            .unwrap()
        };
        let first = start();
        let (ca, key) = (
            first.ca_pem().to_owned(),
            first.signing_key_p8().unwrap().to_owned(),
        );
        first.shutdown();
        let second = start();
        assert_eq!(
            (second.ca_pem(), second.signing_key_p8()),
            (&*ca, Some(&*key))
        );
        // The kept certificate is what a provider trusts; the server's own is new.
        assert_eq!(
            Provider::connect(&second)
                .await
                .push_to(TOKEN)
                .await
                .unwrap()
                .status,
            200
        );
        assert_eq!(std::fs::read_to_string(second.ca_file()).unwrap(), ca);
    });
}

#[test]
fn a_provider_can_bring_its_own_key_public_or_private() {
    run(async {
        let other = simulator();
        let key = other.key_file().unwrap();
        let options = Options {
            public_key: Some(key),
            ..Options::default()
        };
        let simulator = Simulator::start(options).unwrap();
        assert_eq!(
            (simulator.signing_key_p8(), simulator.key_file()),
            (None, None)
        );
        let bearer = crate::support::Signer::of(&other).bearer(&crate::support::Spec::of(&other));
        let mut provider = Provider::connect_with(&simulator, bearer).await;
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}

#[test]
fn the_journal_is_bounded_and_counts_what_it_drops() {
    run(async {
        let simulator = Simulator::start(Options {
            journal_entries: 2,
            ..Options::default()
        })
        .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        for _ in 0..5 {
            provider.push().await.unwrap();
        }
        let kept: Vec<u64> = simulator
            .journal(1)
            .iter()
            .map(|entry| entry.sequence)
            .collect();
        assert_eq!(kept, [4, 5]);
        assert_eq!(simulator.wait_for(5, DEADLINE).unwrap().len(), 2);
    });
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    run(async {
        let simulator = Simulator::start(Options {
            max_connections: 1,
            ..Options::default()
        })
        .unwrap();
        let mut provider = Provider::connect(&simulator).await;
        provider.push().await.unwrap();
        use tokio::io::AsyncReadExt;
        let mut second = tokio::net::TcpStream::connect(simulator.provider_addr())
            .await
            .unwrap();
        assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(provider.push().await.unwrap().status, 200);
    });
}
