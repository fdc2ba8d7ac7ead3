//! Each key with the JSON it gives; Live Activities, rules, cutting and laws have files of their own.

mod laws;
mod live_activity;
mod rules;
mod truncate;

use serde_json::json;

use super::*;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn alert() -> Notification {
    Notification {
        alert: Some(Alert::Text("hello".to_owned())),
        ..Notification::default()
    }
}

fn dictionary(dictionary: AlertDictionary) -> Notification {
    Notification {
        alert: Some(dictionary.into()),
        ..Notification::default()
    }
}

fn live_activity(event: LiveActivityEvent) -> Notification {
    let live_activity = LiveActivity {
        event: Some(event),
        timestamp: Some(1_764_000_000),
        content_state: Some(object(json!({"score": 3}))),
        ..LiveActivity::default()
    };
    Notification {
        live_activity,
        ..Notification::default()
    }
}

fn start() -> Notification {
    let mut notification = live_activity(LiveActivityEvent::Start);
    notification.alert = alert().alert;
    notification.live_activity.attributes_type = text("Game");
    notification.live_activity.attributes = Some(Map::new());
    notification
}

fn json_of(notification: &Notification, push_type: PushType) -> Value {
    serde_json::from_slice(notification.to_payload(push_type).unwrap().as_bytes()).unwrap()
}

/// A good notification, made wrong.
fn broken(mut notification: Notification, breaks: impl FnOnce(&mut Notification)) -> Notification {
    breaks(&mut notification);
    notification
}

#[test]
fn every_key_of_aps_is_written_in_apples_words() {
    let notification = Notification {
        alert: Some(
            AlertDictionary {
                title: text("t"),
                subtitle: text("s"),
                body: text("b"),
                title_loc_key: text("TK"),
                title_loc_args: vec!["1".to_owned()],
                subtitle_loc_key: text("SK"),
                subtitle_loc_args: vec!["2".to_owned()],
                loc_key: text("LK"),
                loc_args: vec!["3".to_owned(), "4".to_owned()],
                launch_image: text("li"),
                action_loc_key: text("AK"),
                action: text("a"),
            }
            .into(),
        ),
        badge: Some(0),
        sound: Some(Sound::Critical {
            name: "default".to_owned(),
            volume: 0.5,
        }),
        thread_id: text("thread"),
        category: text("category"),
        content_available: true,
        mutable_content: true,
        target_content_id: text("window"),
        interruption_level: Some(InterruptionLevel::TimeSensitive),
        relevance_score: Some(0.25),
        filter_criteria: text("focus"),
        content_changed: false,
        url_args: vec!["x".to_owned()],
        ptt_push_type: None,
        live_activity: LiveActivity::default(),
        custom: object(json!({"from": "juliet@example.org", "n": [1, null]})),
    };
    let expected = json!({
        "aps": {
            "alert": {
                "title": "t", "subtitle": "s", "body": "b", "title-loc-key": "TK", "title-loc-args": ["1"],
                "subtitle-loc-key": "SK", "subtitle-loc-args": ["2"], "loc-key": "LK", "loc-args": ["3", "4"],
                "launch-image": "li", "action-loc-key": "AK", "action": "a",
            },
            "badge": 0,
            "sound": {"critical": 1, "name": "default", "volume": 0.5},
            "thread-id": "thread", "category": "category", "content-available": 1, "mutable-content": 1,
            "target-content-id": "window", "interruption-level": "time-sensitive", "relevance-score": 0.25,
            "filter-criteria": "focus", "url-args": ["x"],
        },
        "from": "juliet@example.org", "n": [1, null],
    });
    assert_eq!(json_of(&notification, PushType::Alert), expected);
}

#[test]
fn the_smallest_notification_of_each_push_type() {
    let none = Notification::default();
    let background = Notification {
        content_available: true,
        ..none.clone()
    };
    let changed = Notification {
        content_changed: true,
        ..none.clone()
    };
    let mdm = Notification {
        custom: object(json!({"mdm": "magic"})),
        ..none.clone()
    };
    let badge = Notification {
        badge: Some(0),
        ..none.clone()
    };
    let service_update = Notification {
        ptt_push_type: Some(PttPushType::ServiceUpdate),
        ..none.clone()
    };
    let cases = [
        (PushType::Alert, &badge, json!({"aps": {"badge": 0}})),
        (
            PushType::Background,
            &background,
            json!({"aps": {"content-available": 1}}),
        ),
        (PushType::Voip, &none, json!({"aps": {}})),
        (PushType::Complication, &none, json!({"aps": {}})),
        (PushType::Fileprovider, &none, json!({})),
        (PushType::Fileprovider, &badge, json!({"aps": {"badge": 0}})),
        (PushType::Location, &none, json!({"aps": {}})),
        (PushType::Pushtotalk, &none, json!({"aps": {}})),
        (
            PushType::Pushtotalk,
            &service_update,
            json!({"aps": {"ptt-push-type": "service-update"}}),
        ),
        (
            PushType::Widgets,
            &changed,
            json!({"aps": {"content-changed": true}}),
        ),
        (PushType::Controls, &none, json!({"aps": {}})),
        (
            PushType::Controls,
            &changed,
            json!({"aps": {"content-changed": true}}),
        ),
        (PushType::Mdm, &mdm, json!({"mdm": "magic"})),
    ];
    for (push_type, notification, expected) in cases {
        assert_eq!(json_of(notification, push_type), expected, "{push_type}");
    }
}

#[test]
fn the_limit_is_that_of_the_push_type_to_the_byte() {
    for push_type in [PushType::Alert, PushType::Voip] {
        let limit = push_type.payload_limit();
        let empty = Notification {
            alert: Some(Alert::Text(String::new())),
            ..Notification::default()
        };
        let room = limit - empty.to_payload(push_type).unwrap().len();
        let of = |bytes| Notification {
            alert: Some(Alert::Text("x".repeat(bytes))),
            ..Notification::default()
        };
        assert_eq!(of(room).to_payload(push_type).unwrap().len(), limit);
        let error = of(room + 1).to_payload(push_type).unwrap_err();
        assert_eq!(
            error,
            NotificationError::TooLarge {
                bytes: limit + 1,
                limit
            }
        );
        assert_eq!(error.field(), "payload");
        let error = of(1_000_000).to_payload(push_type).unwrap_err();
        assert_eq!(
            error,
            NotificationError::TooLarge {
                bytes: 1_000_000 + limit - room,
                limit
            }
        );
    }
}

#[test]
fn debug_shows_nothing_of_the_contents() {
    let mut notification = start();
    notification.sound = Some(Sound::Name("hello".to_owned()));
    let shown = format!(
        "{notification:?} {:?} {:?} {:?}",
        notification.alert, notification.sound, notification.live_activity
    );
    assert!(
        !shown.contains("hello") && !shown.contains("Game"),
        "{shown}"
    );
}

#[test]
fn words_go_round() {
    for level in InterruptionLevel::ALL {
        assert_eq!(InterruptionLevel::parse(level.as_str()), Some(level));
    }
    for event in LiveActivityEvent::ALL {
        assert_eq!(LiveActivityEvent::parse(event.as_str()), Some(event));
    }
    assert_eq!(
        InterruptionLevel::parse("time_sensitive"),
        Some(InterruptionLevel::TimeSensitive)
    );
    for word in ["service-update", "service_update"] {
        assert_eq!(PttPushType::parse(word), Some(PttPushType::ServiceUpdate));
    }
    assert_eq!(PttPushType::parse("speech"), None);
    assert_eq!(InterruptionLevel::parse("loud"), None);
    assert_eq!(LiveActivityEvent::parse("stop"), None);
}
