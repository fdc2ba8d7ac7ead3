//! What holds for every notification.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// Any text a person can write, control characters and quotes included.
fn any_text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

fn any_alert() -> impl Strategy<Value = Alert> {
    let parts = (
        option::of(any_text()),
        any_text(),
        option::of(any_text()),
        vec(any_text(), 0..3),
    );
    let of_parts = |(title, body, loc_key, loc_args): (_, _, Option<String>, _)| {
        let loc_args = if loc_key.is_some() {
            loc_args
        } else {
            Vec::new()
        };
        AlertDictionary {
            title,
            body: Some(body),
            loc_key,
            loc_args,
            ..AlertDictionary::default()
        }
        .into()
    };
    prop_oneof![any_text().prop_map(Alert::Text), parts.prop_map(of_parts)]
}

prop_compose! {
    fn any_notification()(
        alert in any_alert(),
        badge in option::of(any::<u32>()),
        sound in option::of("[a-z.]{1,9}"),
        thread_id in option::of(any_text()),
        (content_available, mutable_content) in (any::<bool>(), any::<bool>()),
        relevance_score in option::of(0.0..=1.0),
        custom in vec((any_text(), any_text()), 0..5),
    ) -> Notification {
        let custom = custom.into_iter().filter(|(key, _)| key != "aps").map(|(key, value)| (key, value.into())).collect();
        let (alert, sound) = (Some(alert), sound.map(Sound::Name));
        Notification {
            alert, badge, sound, thread_id, content_available, mutable_content, relevance_score, custom, ..Notification::default()
        }
    }
}

proptest! {
    #[test]
    fn json_parses_back_to_the_same_fields(notification in any_notification()) {
        let mut body = object(json_of(&notification, PushType::Alert));
        let mut aps = object(body.remove("aps").unwrap());
        prop_assert_eq!(body, notification.custom);
        let text = |value: Option<Value>| value.map(|value| value.as_str().unwrap().to_owned());
        let parsed_alert = match aps.remove("alert").unwrap() {
            Value::String(text) => Alert::Text(text),
            Value::Object(mut parts) => {
                let loc_args = parts.remove("loc-args").map_or(vec![], |list| serde_json::from_value(list).unwrap());
                let (title, body) = (text(parts.remove("title")), text(parts.remove("body")));
                let loc_key = text(parts.remove("loc-key"));
                prop_assert!(parts.is_empty());
                AlertDictionary { title, body, loc_key, loc_args, ..AlertDictionary::default() }.into()
            }
            other => panic!("{other}"),
        };
        prop_assert!(Some(parsed_alert) == notification.alert);
        prop_assert_eq!(aps.remove("badge"), notification.badge.map(Value::from));
        prop_assert_eq!(text(aps.remove("sound")).map(Sound::Name), notification.sound);
        prop_assert_eq!(text(aps.remove("thread-id")), notification.thread_id);
        prop_assert_eq!(aps.remove("content-available"), notification.content_available.then_some(json!(1)));
        prop_assert_eq!(aps.remove("mutable-content"), notification.mutable_content.then_some(json!(1)));
        // serde_json reads floats fast, not to the last bit.
        let score = aps.remove("relevance-score").map_or(-1.0, |score| score.as_f64().unwrap());
        prop_assert!((score - notification.relevance_score.unwrap_or(-1.0)).abs() < 1e-12);
        prop_assert!(aps.is_empty());
    }

    #[test]
    fn what_is_written_is_a_payload_in_the_eyes_of_the_parser(notification in any_notification()) {
        let payload = notification.to_payload(PushType::Alert).unwrap();
        prop_assert_eq!(Payload::from_json(payload.as_bytes(), PushType::Alert), Ok(payload));
    }

    #[test]
    fn no_payload_is_above_the_limit(
        text in "(\"|\n|x|\u{1F600}){0,3000}",
        push_type in proptest::sample::select(&[PushType::Alert, PushType::Voip][..]),
    ) {
        let notification = Notification { alert: Some(Alert::Text(text)), ..Notification::default() };
        match notification.to_payload(push_type) {
            Ok(payload) => prop_assert!(payload.len() <= push_type.payload_limit()),
            Err(NotificationError::TooLarge { bytes, limit }) => prop_assert!(bytes > limit),
            Err(error) => panic!("{error}"),
        }
    }
}
