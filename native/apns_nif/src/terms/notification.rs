//! A notification as a map: Apple's words with underscores, and the headers beside them.

use apns_proto::notification::{
    Alert, AlertDictionary, InterruptionLevel, LiveActivity, LiveActivityEvent, Notification,
    PttPushType, Sound,
};
use rustler::Term;

use super::atoms;
use super::fields::{self, Fields, Unreadable, Wrong};
use super::headers::{self, HEADERS};
use super::json::object;
use super::values::{flag, integer, number, set, start_of_text, text, texts, word};

/// Reads a notification and the headers in it, some of which may have been given before.
pub(crate) fn read<'a>(
    map: Term<'a>,
    headers: &mut headers::Draft,
) -> Result<Notification, Unreadable<'a>> {
    let mut draft = Draft::default();
    fields::read(map, |key, value| {
        FIELDS
            .set(&mut draft, key, value)
            .or_else(|| ALERT.set(&mut draft, key, value))
            .or_else(|| LIVE_ACTIVITY.set(&mut draft.notification.live_activity, key, value))
            .or_else(|| HEADERS.set(headers, key, value))
    })?;
    let Draft {
        mut notification,
        text,
        alert,
        whole_body,
    } = draft;
    let refuse = |wrong| Unreadable::WrongValue(atoms::alert().to_term(map.get_env()), wrong);
    if let (Some(bytes), None) = (whole_body, headers.truncate) {
        return Err(refuse(Wrong::TooLarge(bytes)));
    }
    let dictionary = (alert != AlertDictionary::default()).then(|| Alert::from(alert));
    if text.is_some() && dictionary.is_some() {
        return Err(refuse(Wrong::Twice));
    }
    notification.alert = text.map(Alert::Text).or(dictionary);
    Ok(notification)
}

#[derive(Default)]
struct Draft {
    notification: Notification,
    /// The alert, where it is a text alone.
    text: Option<String>,
    /// The alert's keys, from a map of their own or from the notification itself.
    alert: AlertDictionary,
    /// Bytes of the alert's body, where only its start was read. What was left would not fit into any payload; whether
    /// that is an error depends on `truncate`, which may come later.
    whole_body: Option<usize>,
}

static FIELDS: Fields<Draft> = Fields::new(&[
    ("alert", |draft, term| {
        if term.is_map() {
            return ALERT.read(term, draft).map_err(Unreadable::inside);
        }
        set_body(&mut draft.text, &mut draft.whole_body, term)
    }),
    ("badge", |draft, term| {
        let badge = u32::try_from(integer(term)?).map_err(|_| Wrong::Not("a number of 32 bits"))?;
        set(&mut draft.notification.badge, badge)
    }),
    ("sound", |draft, term| {
        if term.is_map() {
            return set(&mut draft.notification.sound, critical_sound(term)?);
        }
        set(
            &mut draft.notification.sound,
            Sound::Name(text(term)?.to_owned()),
        )
    }),
    ("thread_id", |draft, term| {
        set_text(&mut draft.notification.thread_id, term)
    }),
    ("category", |draft, term| {
        set_text(&mut draft.notification.category, term)
    }),
    ("content_available", |draft, term| {
        set_flag(&mut draft.notification.content_available, term)
    }),
    ("mutable_content", |draft, term| {
        set_flag(&mut draft.notification.mutable_content, term)
    }),
    ("target_content_id", |draft, term| {
        set_text(&mut draft.notification.target_content_id, term)
    }),
    ("interruption_level", |draft, term| {
        let level = InterruptionLevel::parse(&word(term)?);
        let level = level.ok_or(Wrong::Not("passive, active, time_sensitive or critical"))?;
        set(&mut draft.notification.interruption_level, level)
    }),
    ("relevance_score", |draft, term| {
        set(&mut draft.notification.relevance_score, number(term)?)
    }),
    ("filter_criteria", |draft, term| {
        set_text(&mut draft.notification.filter_criteria, term)
    }),
    ("content_changed", |draft, term| {
        set_flag(&mut draft.notification.content_changed, term)
    }),
    ("url_args", |draft, term| {
        set_texts(&mut draft.notification.url_args, term)
    }),
    ("ptt_push_type", |draft, term| {
        let kind = PttPushType::parse(&word(term)?).ok_or(Wrong::Not("service_update"))?;
        set(&mut draft.notification.ptt_push_type, kind)
    }),
    ("custom", |draft, term| {
        draft.notification.custom = object(term)?;
        Ok(())
    }),
]);

static ALERT: Fields<Draft> = Fields::new(&[
    ("title", |draft, term| {
        set_text(&mut draft.alert.title, term)
    }),
    ("subtitle", |draft, term| {
        set_text(&mut draft.alert.subtitle, term)
    }),
    ("body", |draft, term| {
        set_body(&mut draft.alert.body, &mut draft.whole_body, term)
    }),
    ("title_loc_key", |draft, term| {
        set_text(&mut draft.alert.title_loc_key, term)
    }),
    ("title_loc_args", |draft, term| {
        set_texts(&mut draft.alert.title_loc_args, term)
    }),
    ("subtitle_loc_key", |draft, term| {
        set_text(&mut draft.alert.subtitle_loc_key, term)
    }),
    ("subtitle_loc_args", |draft, term| {
        set_texts(&mut draft.alert.subtitle_loc_args, term)
    }),
    ("loc_key", |draft, term| {
        set_text(&mut draft.alert.loc_key, term)
    }),
    ("loc_args", |draft, term| {
        set_texts(&mut draft.alert.loc_args, term)
    }),
    ("launch_image", |draft, term| {
        set_text(&mut draft.alert.launch_image, term)
    }),
    ("action_loc_key", |draft, term| {
        set_text(&mut draft.alert.action_loc_key, term)
    }),
    ("action", |draft, term| {
        set_text(&mut draft.alert.action, term)
    }),
]);

static LIVE_ACTIVITY: Fields<LiveActivity> = Fields::new(&[
    ("event", |activity, term| {
        let event = LiveActivityEvent::parse(&word(term)?);
        set(
            &mut activity.event,
            event.ok_or(Wrong::Not("start, update or end"))?,
        )
    }),
    ("timestamp", |activity, term| {
        set(&mut activity.timestamp, integer(term)?)
    }),
    ("content_state", |activity, term| {
        set(&mut activity.content_state, object(term)?)
    }),
    ("stale_date", |activity, term| {
        set(&mut activity.stale_date, integer(term)?)
    }),
    ("dismissal_date", |activity, term| {
        set(&mut activity.dismissal_date, integer(term)?)
    }),
    ("attributes_type", |activity, term| {
        set_text(&mut activity.attributes_type, term)
    }),
    ("attributes", |activity, term| {
        set(&mut activity.attributes, object(term)?)
    }),
    ("input_push_token", |activity, term| {
        set_flag(&mut activity.input_push_token, term)
    }),
    ("input_push_channel", |activity, term| {
        set_text(&mut activity.input_push_channel, term)
    }),
]);

/// `#{name := Name, critical => true, volume => 0..1}`; Apple knows the volume of a critical alert only.
fn critical_sound<'a>(map: Term<'a>) -> Result<Sound, Wrong<'a>> {
    let mut draft = SoundDraft::default();
    SOUND.read(map, &mut draft).map_err(Unreadable::inside)?;
    let name = draft.name.ok_or(Wrong::Not("a map with a name"))?;
    match (draft.critical, draft.volume) {
        (true, volume) => Ok(Sound::Critical {
            name,
            volume: volume.unwrap_or(1.0),
        }),
        (false, None) => Ok(Sound::Name(name)),
        (false, Some(_)) => Err(Wrong::Not("without volume unless critical")),
    }
}

#[derive(Default)]
struct SoundDraft {
    name: Option<String>,
    critical: bool,
    volume: Option<f64>,
}

static SOUND: Fields<SoundDraft> = Fields::new(&[
    ("name", |sound, term| set_text(&mut sound.name, term)),
    ("critical", |sound, term| {
        set_flag(&mut sound.critical, term)
    }),
    ("volume", |sound, term| {
        set(&mut sound.volume, number(term)?)
    }),
]);

fn set_text<'a>(field: &mut Option<String>, term: Term<'a>) -> Result<(), Wrong<'a>> {
    set(field, text(term)?.to_owned())
}

/// The alert's body, which is the one text that may be cut.
fn set_body<'a>(
    field: &mut Option<String>,
    whole: &mut Option<usize>,
    term: Term<'a>,
) -> Result<(), Wrong<'a>> {
    let (start, bytes) = start_of_text(term)?;
    *whole = whole.or(bytes);
    set(field, start.to_owned())
}

fn set_texts<'a>(field: &mut Vec<String>, term: Term<'a>) -> Result<(), Wrong<'a>> {
    if !field.is_empty() {
        return Err(Wrong::Twice);
    }
    *field = texts(term)?;
    Ok(())
}

fn set_flag<'a>(field: &mut bool, term: Term<'a>) -> Result<(), Wrong<'a>> {
    *field = flag(term)?;
    Ok(())
}
