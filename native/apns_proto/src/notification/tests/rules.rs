//! Each rule, broken, with the field it names.

use super::*;

#[test]
fn a_broken_rule_names_the_field() {
    use PushType::{
        Alert as A, Background as B, Controls as C, Liveactivity as L, Mdm as M, Voip as V,
        Widgets as W,
    };
    let none = Notification::default;
    let background = || Notification {
        content_available: true,
        ..none()
    };
    let critical = |volume| {
        Some(Sound::Critical {
            name: "default".to_owned(),
            volume,
        })
    };
    let arguments = || vec!["x".to_owned()];
    let cases = [
        // Whatever the push type
        (A, dictionary(AlertDictionary::default()), "alert"),
        (
            A,
            dictionary(AlertDictionary {
                launch_image: text("x"),
                ..Default::default()
            }),
            "alert",
        ),
        (
            A,
            dictionary(AlertDictionary {
                loc_args: arguments(),
                ..Default::default()
            }),
            "loc_key",
        ),
        (
            A,
            dictionary(AlertDictionary {
                title_loc_args: arguments(),
                ..Default::default()
            }),
            "title_loc_key",
        ),
        (
            A,
            dictionary(AlertDictionary {
                subtitle_loc_args: arguments(),
                ..Default::default()
            }),
            "subtitle_loc_key",
        ),
        (
            A,
            broken(alert(), |n| n.sound = Some(Sound::Name(String::new()))),
            "sound",
        ),
        (A, broken(alert(), |n| n.sound = critical(1.01)), "sound"),
        (A, broken(alert(), |n| n.sound = critical(-0.1)), "sound"),
        (
            A,
            broken(alert(), |n| n.sound = critical(f64::NAN)),
            "sound",
        ),
        (
            A,
            broken(alert(), |n| n.relevance_score = Some(1.5)),
            "relevance_score",
        ),
        (
            A,
            broken(alert(), |n| n.relevance_score = Some(f64::NAN)),
            "relevance_score",
        ),
        (
            A,
            broken(alert(), |n| n.custom = object(json!({"aps": {}}))),
            "custom",
        ),
        (V, broken(none(), |n| n.mutable_content = true), "alert"),
        // Alerts
        (A, none(), "alert"),
        (A, background(), "alert"),
        (
            A,
            broken(alert(), |n| n.content_changed = true),
            "content_changed",
        ),
        (
            A,
            broken(alert(), |n| n.live_activity.timestamp = Some(1)),
            "timestamp",
        ),
        // Background
        (B, none(), "content_available"),
        (
            B,
            broken(background(), |n| n.alert = alert().alert),
            "alert",
        ),
        (B, broken(background(), |n| n.badge = Some(0)), "badge"),
        (
            B,
            broken(background(), |n| {
                n.sound = Some(Sound::Name("default".to_owned()))
            }),
            "sound",
        ),
        (
            B,
            broken(background(), |n| n.mutable_content = true),
            "alert",
        ),
        (
            B,
            broken(background(), |n| {
                n.ptt_push_type = Some(PttPushType::ServiceUpdate)
            }),
            "ptt_push_type",
        ),
        // Widgets, MDM
        (W, none(), "content_changed"),
        (
            W,
            broken(none(), |n| (n.content_changed, n.badge) = (true, Some(1))),
            "badge",
        ),
        (C, alert(), "alert"),
        (M, none(), "custom"),
        (
            M,
            broken(alert(), |n| n.custom = object(json!({"mdm": "magic"}))),
            "alert",
        ),
        // Live Activities
        (L, alert(), "event"),
        (
            L,
            broken(start(), |n| n.live_activity.timestamp = None),
            "timestamp",
        ),
        (
            L,
            broken(start(), |n| n.live_activity.content_state = None),
            "content_state",
        ),
        (
            L,
            broken(start(), |n| n.live_activity.attributes = None),
            "attributes",
        ),
        (
            L,
            broken(start(), |n| n.live_activity.attributes_type = None),
            "attributes_type",
        ),
        (L, broken(start(), |n| n.alert = None), "alert"),
        (
            L,
            broken(start(), |n| n.relevance_score = Some(f64::INFINITY)),
            "relevance_score",
        ),
        (L, broken(start(), |n| n.sound = critical(1.0)), "sound"),
        (
            L,
            broken(start(), |n| {
                n.alert = dictionary(AlertDictionary {
                    title: text("t"),
                    title_loc_key: text("TK"),
                    ..Default::default()
                })
                .alert;
            }),
            "title",
        ),
        (
            L,
            broken(start(), |n| {
                n.alert = dictionary(AlertDictionary {
                    body: text("b"),
                    loc_key: text("LK"),
                    ..Default::default()
                })
                .alert;
            }),
            "body",
        ),
        (
            L,
            broken(start(), |n| {
                n.live_activity.input_push_token = true;
                n.live_activity.input_push_channel = text("x");
            }),
            "input_push_channel",
        ),
    ];
    for (number, (push_type, notification, field)) in cases.into_iter().enumerate() {
        let error = notification.to_payload(push_type).unwrap_err();
        assert_eq!(error.field(), field, "case {number}, {push_type}: {error}");
        assert!(error.to_string().starts_with(field), "{error}");
    }
}

#[test]
fn a_field_nested_too_deep_is_refused_and_never_overflows_the_stack() {
    let nested = |levels| (1..levels).fold(json!([]), |value, _| json!([value]));
    let with = |levels| {
        broken(alert(), |n| {
            _ = n.custom.insert("x".to_owned(), nested(levels))
        })
    };
    assert!(with(100).to_payload(PushType::Alert).is_ok());
    assert_eq!(
        with(101).to_payload(PushType::Alert).unwrap_err().field(),
        "custom"
    );
    assert_eq!(
        with(1_000).to_payload(PushType::Alert).unwrap_err().field(),
        "custom"
    );
}

#[test]
fn keys_that_do_nothing_in_a_silent_push_do_no_harm_there() {
    let silent = Notification {
        content_available: true,
        thread_id: text("x"),
        category: text("x"),
        interruption_level: Some(InterruptionLevel::Passive),
        ..Notification::default()
    };
    assert!(silent.to_payload(PushType::Background).is_ok());
}

#[test]
fn speech_is_neither_late_nor_stored_but_a_service_update_may_be() {
    use crate::expiration::Expiration;
    use crate::priority::Priority;

    let later = Expiration::from_unix_seconds(2_000_000_000).ok();
    let speech = Notification::default();
    let update = Notification {
        ptt_push_type: Some(PttPushType::ServiceUpdate),
        ..Notification::default()
    };
    let cases = [
        (None, None, None),
        (
            Some(Priority::Immediate),
            Some(Expiration::ONE_ATTEMPT),
            None,
        ),
        (Some(Priority::PowerConsiderate), None, Some("priority")),
        (Some(Priority::Low), None, Some("priority")),
        (None, later, Some("expiration")),
    ];
    for (priority, expiration, field) in cases {
        let headers = Headers::new(PushType::Pushtotalk, priority, expiration, None).unwrap();
        let checked = speech.check_headers(&headers);
        assert_eq!(
            checked.err().map(|error| error.field()),
            field,
            "{headers:?}"
        );
        assert_eq!(update.check_headers(&headers), Ok(()), "{headers:?}");
    }
    let alert = Headers::new(PushType::Alert, Some(Priority::Low), later, None).unwrap();
    assert_eq!(speech.check_headers(&alert), Ok(()));
}
