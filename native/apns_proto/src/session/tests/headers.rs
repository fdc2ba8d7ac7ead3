//! A push's constant headers and the table they are kept in (RFC 7541 section 4).

use super::*;
use crate::priority::Priority;

#[test]
fn all_push_types_and_priorities_of_an_app_fit_the_header_table_together() {
    let mut talk = Talk::open(1000);
    // A bundle id as long as any may be; the suffixes of push types are added to it.
    talk.session.config.topic = Topic::parse(&"a".repeat(250)).unwrap();
    let first = bytes_of_each(&mut talk);
    let second = bytes_of_each(&mut talk);
    assert_eq!(second.len(), first.len());
    assert!(second.len() > PushType::ALL.len(), "{second:?}");
    // Nothing was evicted: the second time all are indexes, however long they are; and so they stay.
    let first_variant = second[0];
    let indexes_only = second.iter().all(|bytes| *bytes <= first_variant + 4);
    assert!(indexes_only, "{first:?} {second:?}");
    assert!(first.iter().sum::<usize>() > second.iter().sum::<usize>() + 11 * 50);
    assert_eq!(bytes_of_each(&mut talk), second);
}

/// What one push of each type and priority takes on the wire.
fn bytes_of_each(talk: &mut Talk) -> Vec<usize> {
    let mut bytes = Vec::new();
    for push_type in PushType::ALL {
        for priority in [
            Priority::Immediate,
            Priority::PowerConsiderate,
            Priority::Low,
        ] {
            let Ok(headers) = Headers::new(push_type, Some(priority), None, None) else {
                continue;
            };
            let mut push = push_with(1, talk.now, PushType::Alert, None, None);
            let payload = push.request.content.payload.clone();
            push.request.content = Content { headers, payload };
            talk.server_reads();
            talk.session.send(talk.now, push).unwrap();
            bytes.push(talk.session.output().len());
        }
    }
    bytes
}
