//! What goes together in a notification, by push type.
//!
//! Refused is only what Apple refuses, what does nothing on the device, and what has no form in Apple's JSON. Each
//! rule names the page of Apple's that it is from: GEN "Generating a remote notification", SEND "Sending notification
//! requests to APNs", BACK "Pushing background updates to your App", LIVE "Starting and updating Live Activities with
//! ActivityKit push notifications".

use serde_json::{Map, Value};

use super::NotificationError::{Missing, NotAllowed, Value as WrongValue};
use super::{
    Alert, AlertDictionary, LiveActivity, LiveActivityEvent, Notification, NotificationError, Sound,
};
use crate::expiration::Expiration;
use crate::priority::Priority;
use crate::push_type::PushType;
use crate::request::Headers;

type Checked = Result<(), NotificationError>;

/// Checks a notification that is to be sent as this push type.
pub(super) fn check(notification: &Notification, push_type: PushType) -> Checked {
    if let Some(alert) = &notification.alert {
        check_alert(alert)?;
    }
    if let Some(sound) = &notification.sound {
        check_sound(sound)?;
    }
    check_custom(&notification.custom)?;
    check_relevance(notification, push_type)?;
    // GEN: the system passes the notification to the extension before it shows it; there is nothing to show.
    if notification.mutable_content && notification.alert.is_none() {
        return missing(
            "alert",
            "mutable_content runs the service extension for an alert only",
        );
    }
    check_push_type(notification, push_type)
}

/// Speech is of use now or never: priority 10 and expiration 0 ("Creating a Push to Talk app"). A service update may
/// wait, and has no budget then (`PTChannelManagerDelegate`, `incomingServiceUpdatePush`).
pub(super) fn check_headers(notification: &Notification, headers: &Headers) -> Checked {
    if headers.push_type != PushType::Pushtotalk || notification.ptt_push_type.is_some() {
        return Ok(());
    }
    if headers.priority != Priority::Immediate {
        return wrong_value("priority", "speech comes at once, with priority 10");
    }
    match headers.expiration {
        None | Some(Expiration::ONE_ATTEMPT) => Ok(()),
        Some(_) => wrong_value("expiration", "speech is not stored: its expiration is 0"),
    }
}

fn check_push_type(notification: &Notification, push_type: PushType) -> Checked {
    check_strangers(notification, push_type)?;
    match push_type {
        PushType::Alert => check_alert_push(notification),
        PushType::Background => check_silent_push(
            notification,
            "content_available",
            notification.content_available,
        ),
        PushType::Widgets => check_silent_push(
            notification,
            "content_changed",
            notification.content_changed,
        ),
        // "Updating controls locally and remotely" shows `content-changed`, but does not ask for it.
        PushType::Controls => check_silent_push(notification, "content_changed", true),
        PushType::Liveactivity => check_live_activity(notification),
        PushType::Mdm => check_mdm(notification),
        _ => Ok(()),
    }
}

/// Keys that one push type alone has: elsewhere nobody reads them, and most likely the push type was forgotten.
fn check_strangers(notification: &Notification, push_type: PushType) -> Checked {
    if push_type != PushType::Liveactivity {
        forbid(
            &notification.live_activity.fields(),
            "only a push of type liveactivity has it",
        )?;
    }
    if !matches!(push_type, PushType::Widgets | PushType::Controls) {
        let content_changed = [("content_changed", notification.content_changed)];
        forbid(
            &content_changed,
            "only a push of type widgets or controls has it",
        )?;
    }
    if push_type != PushType::Pushtotalk {
        let ptt_push_type = [("ptt_push_type", notification.ptt_push_type.is_some())];
        forbid(&ptt_push_type, "only a push of type pushtotalk has it")?;
    }
    Ok(())
}

/// SEND: `alert` is the type of what triggers a user interaction; APNs refuses, delays or drops what is something else.
fn check_alert_push(notification: &Notification) -> Checked {
    if notification.interactions().iter().any(|(_, set)| *set) {
        return Ok(());
    }
    missing(
        "alert",
        "a push of type alert shows a text, sets the badge or plays a sound",
    )
}

/// BACK: no key that triggers a user interaction, and the flag that says what it is for. Other keys of `aps` are of no
/// use there, but do no harm. The same for the pushes of WidgetKit, which reach no app at all.
fn check_silent_push(notification: &Notification, flag: &'static str, set: bool) -> Checked {
    if !set {
        return missing(flag, "a push of this type does nothing without it");
    }
    forbid(
        &notification.interactions(),
        "a push of this type shows and plays nothing: send a push of type alert for that",
    )
}

/// Apple's "Mobile Device Management Protocol Reference": the payload is this one key.
fn check_mdm(notification: &Notification) -> Checked {
    if !notification.custom.contains_key("mdm") {
        return missing(
            "custom",
            "a push of type mdm has the key mdm with the device's push magic",
        );
    }
    forbid(
        &notification.fields(),
        "a push of type mdm has no aps dictionary",
    )
}

fn check_alert(alert: &Alert) -> Checked {
    let Alert::Dictionary(alert) = alert else {
        return Ok(());
    };
    let AlertDictionary {
        title,
        subtitle,
        body,
        title_loc_key,
        subtitle_loc_key,
        loc_key,
        ..
    } = alert.as_ref();
    let translated = [
        ("title_loc_key", title_loc_key, &alert.title_loc_args),
        (
            "subtitle_loc_key",
            subtitle_loc_key,
            &alert.subtitle_loc_args,
        ),
        ("loc_key", loc_key, &alert.loc_args),
    ];
    let mut without_key = translated
        .iter()
        .filter(|(_, key, args)| key.is_none() && !args.is_empty());
    if let Some((field, ..)) = without_key.next() {
        return missing(
            field,
            "its arguments are given, and fill a translation that it names",
        );
    }
    let texts = [
        title,
        subtitle,
        body,
        title_loc_key,
        subtitle_loc_key,
        loc_key,
    ];
    if texts.iter().all(|text| text.is_none()) {
        return missing(
            "alert",
            "a dictionary without title, subtitle and body shows nothing",
        );
    }
    Ok(())
}

/// GEN: a file in the app's bundle or its `Library/Sounds`, or `default`.
fn check_sound(sound: &Sound) -> Checked {
    let (Sound::Name(name) | Sound::Critical { name, .. }) = sound;
    if name.is_empty() {
        return wrong_value("sound", "the name of a sound file, or default");
    }
    match sound {
        Sound::Critical { volume, .. } if !(0.0..=1.0).contains(volume) => {
            wrong_value("sound", "the volume is from 0 to 1")
        }
        _ => Ok(()),
    }
}

fn check_custom(custom: &Map<String, Value>) -> Checked {
    if custom.contains_key("aps") {
        return not_allowed("custom", "its key aps would replace Apple's dictionary");
    }
    check_depth("custom", custom)
}

/// GEN for notifications, `ActivityContent.relevanceScore` for Live Activities. JSON has no other numbers than finite ones.
fn check_relevance(notification: &Notification, push_type: PushType) -> Checked {
    match notification.relevance_score {
        Some(score) if !score.is_finite() => wrong_value("relevance_score", "a number"),
        Some(score) if push_type != PushType::Liveactivity && !(0.0..=1.0).contains(&score) => {
            wrong_value("relevance_score", "from 0 to 1")
        }
        _ => Ok(()),
    }
}

/// LIVE, "Construct the ActivityKit remote push notification payload".
fn check_live_activity(notification: &Notification) -> Checked {
    let live_activity = &notification.live_activity;
    let Some(event) = live_activity.event else {
        return missing("event", "a Live Activity starts, is updated or ends");
    };
    if live_activity.timestamp.is_none() {
        return missing("timestamp", "the device orders what comes by it");
    }
    if live_activity.content_state.is_none() && event != LiveActivityEvent::End {
        return missing("content_state", "it is what the Live Activity shows");
    }
    for (field, object) in [
        ("content_state", &live_activity.content_state),
        ("attributes", &live_activity.attributes),
    ] {
        if let Some(object) = object {
            check_depth(field, object)?;
        }
    }
    check_live_activity_alert(notification)?;
    match event {
        LiveActivityEvent::Start => check_start(notification),
        // What only a start has does nothing later, and no harm.
        LiveActivityEvent::Update | LiveActivityEvent::End => Ok(()),
    }
}

/// What ActivityKit's form of an alert has no place for: two texts in one, and (`AlertConfiguration.AlertSound`) more
/// of a sound than its name.
fn check_live_activity_alert(notification: &Notification) -> Checked {
    if let Some(Sound::Critical { .. }) = notification.sound {
        return wrong_value("sound", "the sound of a Live Activity is a name");
    }
    let Some(Alert::Dictionary(alert)) = &notification.alert else {
        return Ok(());
    };
    let twice = [
        (
            "title",
            alert.title.is_some() && alert.title_loc_key.is_some(),
        ),
        (
            "subtitle",
            alert.subtitle.is_some() && alert.subtitle_loc_key.is_some(),
        ),
        ("body", alert.body.is_some() && alert.loc_key.is_some()),
    ];
    forbid(
        &twice,
        "a Live Activity has either the text or its translation",
    )
}

/// LIVE, "Construct the payload that starts a Live Activity".
fn check_start(notification: &Notification) -> Checked {
    let live_activity = &notification.live_activity;
    if live_activity.attributes_type.is_none() {
        return missing(
            "attributes_type",
            "a Live Activity is started with its attributes",
        );
    }
    if live_activity.attributes.is_none() {
        return missing(
            "attributes",
            "a Live Activity is started with its attributes",
        );
    }
    if notification.alert.is_none() {
        return missing("alert", "the user is told that a Live Activity has started");
    }
    // `PushType` of ActivityKit: "You can only specify one".
    if live_activity.input_push_token && live_activity.input_push_channel.is_some() {
        return not_allowed("input_push_channel", "updates come by token or by channel");
    }
    Ok(())
}

impl Notification {
    /// Whether any key of `aps` is set.
    pub(super) fn has_aps(&self) -> bool {
        self.fields()
            .iter()
            .chain(&self.live_activity.fields())
            .any(|(_, set)| *set)
    }

    /// The fields that trigger a user interaction, and whether they are set.
    fn interactions(&self) -> [(&'static str, bool); 3] {
        [
            ("alert", self.alert.is_some()),
            ("badge", self.badge.is_some()),
            ("sound", self.sound.is_some()),
        ]
    }

    /// The fields of `aps` but those of Live Activities, and whether they are set.
    fn fields(&self) -> [(&'static str, bool); 14] {
        let [alert, badge, sound] = self.interactions();
        [
            alert,
            badge,
            sound,
            ("thread_id", self.thread_id.is_some()),
            ("category", self.category.is_some()),
            ("content_available", self.content_available),
            ("mutable_content", self.mutable_content),
            ("target_content_id", self.target_content_id.is_some()),
            ("interruption_level", self.interruption_level.is_some()),
            ("relevance_score", self.relevance_score.is_some()),
            ("filter_criteria", self.filter_criteria.is_some()),
            ("content_changed", self.content_changed),
            ("url_args", !self.url_args.is_empty()),
            ("ptt_push_type", self.ptt_push_type.is_some()),
        ]
    }
}

impl LiveActivity {
    fn fields(&self) -> [(&'static str, bool); 9] {
        [
            ("event", self.event.is_some()),
            ("timestamp", self.timestamp.is_some()),
            ("content_state", self.content_state.is_some()),
            ("stale_date", self.stale_date.is_some()),
            ("dismissal_date", self.dismissal_date.is_some()),
            ("attributes_type", self.attributes_type.is_some()),
            ("attributes", self.attributes.is_some()),
            ("input_push_token", self.input_push_token),
            ("input_push_channel", self.input_push_channel.is_some()),
        ]
    }
}

/// The first field that is set is the error.
fn forbid(fields: &[(&'static str, bool)], rule: &'static str) -> Checked {
    match fields.iter().find(|(_, set)| *set) {
        Some((field, _)) => not_allowed(field, rule),
        None => Ok(()),
    }
}

/// JSON parsers bound the nesting they follow, ours ([`Payload::from_json`](crate::payload::Payload::from_json)) included.
fn check_depth(field: &'static str, object: &Map<String, Value>) -> Checked {
    fn fits(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(list) => levels > 0 && list.iter().all(|value| fits(value, levels - 1)),
            Value::Object(object) => {
                levels > 0 && object.values().all(|value| fits(value, levels - 1))
            }
            _ => true,
        }
    }
    if object.values().all(|value| fits(value, MAX_DEPTH)) {
        Ok(())
    } else {
        wrong_value(field, "lists and objects in each other, 100 levels at most")
    }
}

const fn missing(field: &'static str, rule: &'static str) -> Checked {
    Err(Missing { field, rule })
}

const fn not_allowed(field: &'static str, rule: &'static str) -> Checked {
    Err(NotAllowed { field, rule })
}

const fn wrong_value(field: &'static str, rule: &'static str) -> Checked {
    Err(WrongValue { field, rule })
}

/// Levels of lists and objects within a field.
const MAX_DEPTH: usize = 100;
