//! A notification's JSON: Apple's keys, in Apple's order.

use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Alert, AlertDictionary, LiveActivity, Notification, NotificationError, Sound};
use crate::payload::{Payload, check_size};
use crate::push_type::PushType;

/// Writes a checked notification.
pub(super) fn encode(
    notification: &Notification,
    push_type: PushType,
) -> Result<Payload, NotificationError> {
    let mut json = Bounded {
        start: Vec::with_capacity(256),
        len: 0,
        limit: push_type.payload_limit(),
    };
    // Strings, maps with string keys and finite numbers: serde_json refuses none. If it ever does, `custom` is the one
    // part that is open.
    serde_json::to_writer(
        &mut json,
        &Body {
            notification,
            push_type,
        },
    )
    .map_err(|_| NotificationError::Value {
        field: "custom",
        rule: "it must be writable as JSON",
    })?;
    check_size(json.len, push_type)?;
    Ok(Payload::from_written(&json.start))
}

/// Keeps what fits into a payload and counts the rest, so that the error can say how large it would have been.
struct Bounded {
    start: Vec<u8>,
    len: usize,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let room = self.limit.saturating_sub(self.start.len());
        self.start
            .extend_from_slice(data.get(..room).unwrap_or(data));
        self.len += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Body<'a> {
    notification: &'a Notification,
    push_type: PushType,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        // An MDM client and a File Provider look for their own keys only.
        let without_aps = matches!(self.push_type, PushType::Mdm | PushType::Fileprovider);
        if !without_aps || self.notification.has_aps() {
            body.serialize_entry("aps", &Aps(self.notification, self.push_type))?;
        }
        for (key, value) in &self.notification.custom {
            body.serialize_entry(key, value)?;
        }
        body.end()
    }
}

struct Aps<'a>(&'a Notification, PushType);

impl Serialize for Aps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Taken apart by name, so that no field can be forgotten here.
        let Notification {
            alert,
            badge,
            sound,
            thread_id,
            category,
            content_available,
            mutable_content,
            target_content_id,
            interruption_level,
            relevance_score,
            filter_criteria,
            content_changed,
            url_args,
            ptt_push_type,
            live_activity,
            custom: _,
        } = self.0;
        let mut aps = Entries(serializer.serialize_map(None)?);
        if self.1 == PushType::Liveactivity {
            let alert = LiveActivityAlert {
                alert: alert.as_ref(),
                sound: sound.as_ref(),
            };
            aps.some("alert", alert.is_some().then_some(&alert))?;
            aps.some("badge", badge.as_ref())?;
        } else {
            aps.some("alert", alert.as_ref())?;
            aps.some("badge", badge.as_ref())?;
            aps.some("sound", sound.as_ref())?;
        }
        aps.some("thread-id", thread_id.as_ref())?;
        aps.some("category", category.as_ref())?;
        aps.one("content-available", *content_available)?;
        aps.one("mutable-content", *mutable_content)?;
        aps.some("target-content-id", target_content_id.as_ref())?;
        aps.some(
            "interruption-level",
            interruption_level.map(|level| level.as_str()).as_ref(),
        )?;
        aps.some("relevance-score", relevance_score.as_ref())?;
        aps.some("filter-criteria", filter_criteria.as_ref())?;
        // Alone among the flags, this one is a JSON boolean.
        aps.some("content-changed", content_changed.then_some(&true))?;
        aps.list("url-args", url_args)?;
        aps.some(
            "ptt-push-type",
            ptt_push_type.map(|kind| kind.as_str()).as_ref(),
        )?;
        aps.live_activity(live_activity)?;
        aps.0.end()
    }
}

impl Serialize for Alert {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let dictionary = match self {
            Self::Text(text) => return serializer.serialize_str(text),
            Self::Dictionary(dictionary) => dictionary,
        };
        let AlertDictionary {
            title,
            subtitle,
            body,
            title_loc_key,
            title_loc_args,
            subtitle_loc_key,
            subtitle_loc_args,
            loc_key,
            loc_args,
            launch_image,
            action_loc_key,
            action,
        } = dictionary.as_ref();
        let mut alert = Entries(serializer.serialize_map(None)?);
        alert.some("title", title.as_ref())?;
        alert.some("subtitle", subtitle.as_ref())?;
        alert.some("body", body.as_ref())?;
        alert.some("title-loc-key", title_loc_key.as_ref())?;
        alert.list("title-loc-args", title_loc_args)?;
        alert.some("subtitle-loc-key", subtitle_loc_key.as_ref())?;
        alert.list("subtitle-loc-args", subtitle_loc_args)?;
        alert.some("loc-key", loc_key.as_ref())?;
        alert.list("loc-args", loc_args)?;
        alert.some("launch-image", launch_image.as_ref())?;
        alert.some("action-loc-key", action_loc_key.as_ref())?;
        alert.some("action", action.as_ref())?;
        alert.0.end()
    }
}

/// ActivityKit has a form of its own for the same alert: the sound stands in it, and a translation takes the place of the
/// text ("Starting and updating Live Activities with ActivityKit push notifications"). It is always a dictionary there.
struct LiveActivityAlert<'a> {
    alert: Option<&'a Alert>,
    sound: Option<&'a Sound>,
}

impl LiveActivityAlert<'_> {
    const fn is_some(&self) -> bool {
        self.alert.is_some() || self.sound.is_some()
    }
}

impl Serialize for LiveActivityAlert<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = Entries(serializer.serialize_map(None)?);
        match self.alert {
            None => {}
            Some(Alert::Text(body)) => entries.some("body", Some(body))?,
            Some(Alert::Dictionary(dictionary)) => {
                let AlertDictionary {
                    title,
                    subtitle,
                    body,
                    title_loc_key,
                    title_loc_args,
                    subtitle_loc_key,
                    subtitle_loc_args,
                    loc_key,
                    loc_args,
                    launch_image,
                    action_loc_key,
                    action,
                } = dictionary.as_ref();
                entries.translatable("title", title, title_loc_key, title_loc_args)?;
                entries.translatable("subtitle", subtitle, subtitle_loc_key, subtitle_loc_args)?;
                entries.translatable("body", body, loc_key, loc_args)?;
                entries.some("launch-image", launch_image.as_ref())?;
                entries.some("action-loc-key", action_loc_key.as_ref())?;
                entries.some("action", action.as_ref())?;
            }
        }
        entries.some("sound", self.sound)?;
        entries.0.end()
    }
}

struct Translation<'a> {
    key: &'a String,
    args: &'a [String],
}

impl Serialize for Translation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut translation = Entries(serializer.serialize_map(None)?);
        translation.some("loc-key", Some(self.key))?;
        translation.list("loc-args", self.args)?;
        translation.0.end()
    }
}

impl Serialize for Sound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Critical { name, volume } => {
                let mut sound = serializer.serialize_map(Some(3))?;
                sound.serialize_entry("critical", &1)?;
                sound.serialize_entry("name", name)?;
                sound.serialize_entry("volume", volume)?;
                sound.end()
            }
        }
    }
}

/// A JSON object of which most entries are absent.
struct Entries<M>(M);

impl<M: SerializeMap> Entries<M> {
    fn some<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: Option<&T>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.0.serialize_entry(key, value))
    }

    /// Apple writes most of its flags as 1.
    fn one(&mut self, key: &'static str, set: bool) -> Result<(), M::Error> {
        self.some(key, set.then_some(&1))
    }

    fn list(&mut self, key: &'static str, list: &[String]) -> Result<(), M::Error> {
        self.some(key, (!list.is_empty()).then_some(list))
    }

    /// The rules see to it that a text and its translation are not both there.
    fn translatable(
        &mut self,
        name: &'static str,
        text: &Option<String>,
        key: &Option<String>,
        args: &[String],
    ) -> Result<(), M::Error> {
        match key {
            Some(key) => self.some(name, Some(&Translation { key, args })),
            None => self.some(name, text.as_ref()),
        }
    }

    fn live_activity(&mut self, live_activity: &LiveActivity) -> Result<(), M::Error> {
        let LiveActivity {
            event,
            timestamp,
            content_state,
            stale_date,
            dismissal_date,
            attributes_type,
            attributes,
            input_push_token,
            input_push_channel,
        } = live_activity;
        self.some("timestamp", timestamp.as_ref())?;
        self.some("event", event.map(|event| event.as_str()).as_ref())?;
        self.some("content-state", content_state.as_ref())?;
        self.some("stale-date", stale_date.as_ref())?;
        self.some("dismissal-date", dismissal_date.as_ref())?;
        self.some("attributes-type", attributes_type.as_ref())?;
        self.some("attributes", attributes.as_ref())?;
        self.one("input-push-token", *input_push_token)?;
        self.some("input-push-channel", input_push_channel.as_ref())
    }
}
