//! Live Activities: their keys, and ActivityKit's form of an alert.

use super::*;

#[test]
fn a_live_activity_starts_is_updated_and_ends() {
    let mut first = start();
    first.live_activity.stale_date = Some(5);
    first.live_activity.input_push_token = true;
    let expected = json!({"aps": {
        "alert": {"body": "hello"}, "timestamp": 1_764_000_000, "event": "start", "content-state": {"score": 3}, "stale-date": 5,
        "attributes-type": "Game", "attributes": {}, "input-push-token": 1,
    }});
    assert_eq!(json_of(&first, PushType::Liveactivity), expected);

    first.live_activity.input_push_token = false;
    first.live_activity.input_push_channel = text("dHN0");
    assert_eq!(
        json_of(&first, PushType::Liveactivity)["aps"]["input-push-channel"],
        "dHN0"
    );

    let mut update = live_activity(LiveActivityEvent::Update);
    update.relevance_score = Some(75.0);
    assert_eq!(
        json_of(&update, PushType::Liveactivity)["aps"]["relevance-score"],
        75.0
    );

    let mut end = live_activity(LiveActivityEvent::End);
    end.live_activity.content_state = None;
    end.live_activity.dismissal_date = Some(7);
    let expected =
        json!({"aps": {"timestamp": 1_764_000_000, "event": "end", "dismissal-date": 7}});
    assert_eq!(json_of(&end, PushType::Liveactivity), expected);
}

fn alert_of(notification: &Notification) -> Value {
    json_of(notification, PushType::Liveactivity)["aps"]["alert"].clone()
}

#[test]
fn its_alert_has_the_sound_inside_and_translations_in_the_place_of_texts() {
    let mut update = live_activity(LiveActivityEvent::Update);
    update.sound = Some(Sound::Name("HeroDown.mp4".to_owned()));
    assert_eq!(alert_of(&update), json!({"sound": "HeroDown.mp4"}));

    update.alert = Some(Alert::Text("hello".to_owned()));
    assert_eq!(
        alert_of(&update),
        json!({"body": "hello", "sound": "HeroDown.mp4"})
    );

    update.alert = dictionary(AlertDictionary {
        title: text("t"),
        subtitle_loc_key: text("SK"),
        loc_key: text("LK"),
        loc_args: vec!["Power Panda".to_owned()],
        ..AlertDictionary::default()
    })
    .alert;
    let expected = json!({
        "title": "t", "subtitle": {"loc-key": "SK"}, "body": {"loc-key": "LK", "loc-args": ["Power Panda"]},
        "sound": "HeroDown.mp4",
    });
    assert_eq!(alert_of(&update), expected);
    let whole = json_of(&update, PushType::Liveactivity);
    assert_eq!(whole["aps"]["sound"], Value::Null);
}

#[test]
fn it_needs_no_alert_to_be_updated() {
    let update = json_of(
        &live_activity(LiveActivityEvent::Update),
        PushType::Liveactivity,
    );
    assert_eq!(update["aps"]["alert"], Value::Null);
}

#[test]
fn what_only_a_start_has_may_stand_in_an_update() {
    let mut update = start();
    update.live_activity.event = Some(LiveActivityEvent::Update);
    update.live_activity.input_push_token = true;
    assert!(update.to_payload(PushType::Liveactivity).is_ok());
}
