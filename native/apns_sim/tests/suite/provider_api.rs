//! The provider API as a well-behaved provider sees it.

use crate::support::{HELLO, Provider, TOKEN, run, simulator};

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
        assert_eq!(entry.sequence, 1);
        assert_eq!(entry.token.as_deref(), Some(TOKEN));
        assert_eq!(entry.status, Some(200));
        assert_eq!(
            entry.payload_json().unwrap()["aps"]["alert"]["body"],
            "Hello"
        );
    });
}
