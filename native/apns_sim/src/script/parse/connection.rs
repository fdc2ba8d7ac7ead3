//! What is done to a connection, in all three kinds of steps that can say so.

use serde_json::Value;

use super::fields::{Fields, listed, wrong};
use crate::script::{ConnectionAction, GoAway, RawFrame, ScriptError, Settings};

/// When it is done. The field that names the action is called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    Open,
    /// A request has come.
    Request,
}

impl When {
    const fn field(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Open => "open",
            Self::Request => "action",
        }
    }

    /// Actions that mean something then.
    fn names(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::Now => &["stall"],
            Self::Open => &[
                "stall",
                "delay_settings",
                "omit_settings",
                "delay_handshake",
            ],
            Self::Request => &["refused_stream", "reset", "stall"],
        };
        [own, ALWAYS].concat()
    }
}

pub(super) fn action(fields: &mut Fields, when: When) -> Result<ConnectionAction, ScriptError> {
    let field = when.field();
    let names = when.names();
    let known = fields.peek(field).filter(|name| names.contains(name));
    let Some(name) = known.map(str::to_owned) else {
        let value = fields.remove(field).unwrap_or(Value::Null);
        return Err(wrong(field, &listed(&names), &value));
    };
    fields.remove(field);
    Ok(match name.as_str() {
        "goaway" => go_away(fields)?,
        "stall" => ConnectionAction::Stall,
        "mute" => ConnectionAction::Mute,
        "cut" => cut(fields, when)?,
        "max_streams" => ConnectionAction::MaxStreams(limit(fields)?),
        "trusted_streams" => ConnectionAction::TrustedStreams(limit(fields)?),
        "settings" => settings(fields)?,
        "delay_settings" => ConnectionAction::DelaySettings(milliseconds(fields, &name)?),
        "omit_settings" => ConnectionAction::OmitSettings,
        "delay_handshake" => ConnectionAction::DelayHandshake(milliseconds(fields, &name)?),
        "ignore_pings" => ConnectionAction::IgnorePings(fields.switch("value")?),
        "withhold_window_updates" => {
            ConnectionAction::WithholdWindowUpdates(fields.switch("value")?)
        }
        "delay_window_updates" => {
            ConnectionAction::DelayWindowUpdates(milliseconds(fields, &name)?)
        }
        "refuse_twice" => ConnectionAction::RefuseTwice(fields.switch("value")?),
        "padding" => ConnectionAction::Padding(needed(fields.small("value", 0, 255)?, &name)?),
        "continuation" => {
            ConnectionAction::Continuation(needed(fields.small("value", 0, MAX_FRAME)?, &name)?)
        }
        _ => frame(fields)?,
    })
}

fn go_away(fields: &mut Fields) -> Result<ConnectionAction, ScriptError> {
    let twice = fields.flag("twice")?;
    let go_away = GoAway {
        code: fields.small("code", 0, u32::MAX.into())?.unwrap_or(0),
        last_stream: fields.small("last_stream", 0, LAST_STREAM)?,
        reason: fields.text("reason")?,
    };
    Ok(match twice {
        true => ConnectionAction::GoAwayTwice(go_away),
        false => ConnectionAction::GoAway(go_away),
    })
}

fn cut(fields: &mut Fields, when: When) -> Result<ConnectionAction, ScriptError> {
    let reset = fields.flag("reset")?;
    let byte = match when {
        When::Now | When::Open => fields.number("at_byte", 0..=u64::MAX)?,
        When::Request => None,
    };
    Ok(match (byte, reset) {
        (Some(byte), reset) => ConnectionAction::CutAt { byte, reset },
        (None, true) => ConnectionAction::Reset,
        (None, false) => ConnectionAction::Cut,
    })
}

fn limit(fields: &mut Fields) -> Result<Option<u32>, ScriptError> {
    fields.small("value", 0, u32::MAX.into())
}

fn milliseconds(fields: &mut Fields, name: &str) -> Result<u64, ScriptError> {
    needed(fields.number("value", 0..=MAX_DELAY_MS)?, name)
}

fn settings(fields: &mut Fields) -> Result<ConnectionAction, ScriptError> {
    let settings = Settings {
        header_table_size: fields.small("header_table_size", 0, MAX_TABLE)?,
        initial_window_size: fields.small("initial_window_size", 0, LAST_STREAM)?,
        max_frame_size: fields.small("max_frame_size", MAX_FRAME, 16_777_215)?,
        max_header_list_size: fields.small("max_header_list_size", 0, u32::MAX.into())?,
    };
    if settings == Settings::default() {
        return Err(ScriptError::new(
            "\"settings\" has \"header_table_size\", \"initial_window_size\", \"max_frame_size\" or \"max_header_list_size\".",
        ));
    }
    Ok(ConnectionAction::Settings(settings))
}

fn frame(fields: &mut Fields) -> Result<ConnectionAction, ScriptError> {
    let kind = fields.small("type", 0, 255)?;
    let kind = kind.ok_or_else(|| ScriptError::new("A frame has a \"type\", 0 to 255."))?;
    let frame = RawFrame {
        kind,
        flags: fields.small("flags", 0, 255)?.unwrap_or(0),
        stream: fields.small("stream_id", 0, LAST_STREAM)?,
        payload: fields.hex("payload")?,
        count: fields.small("count", 1, MAX_COUNT)?.unwrap_or(1),
    };
    let count = usize::try_from(frame.count).unwrap_or(usize::MAX);
    if frame.payload.len().saturating_mul(count) > MAX_PAYLOADS {
        return Err(ScriptError::new(format!(
            "\"payload\" times \"count\" is at most {MAX_PAYLOADS} bytes."
        )));
    }
    Ok(ConnectionAction::Frame(frame))
}

fn needed<T>(value: Option<T>, name: &str) -> Result<T, ScriptError> {
    value.ok_or_else(|| ScriptError::new(format!("\"{name}\" has a \"value\"; 0 ends it.")))
}

/// Actions for any time.
const ALWAYS: &[&str] = &[
    "goaway",
    "mute",
    "cut",
    "max_streams",
    "trusted_streams",
    "settings",
    "ignore_pings",
    "withhold_window_updates",
    "delay_window_updates",
    "refuse_twice",
    "padding",
    "continuation",
    "frame",
];
const LAST_STREAM: u64 = 0x7fff_ffff;
/// The least that SETTINGS_MAX_FRAME_SIZE may be (RFC 9113 §6.5.2).
const MAX_FRAME: u64 = 16_384;
/// What the h2 crate's decoder is told to hold.
const MAX_TABLE: u64 = 65_536;
const MAX_DELAY_MS: u64 = 3_600_000;
/// Frames of one step, and bytes of all their payloads: they wait in memory.
const MAX_COUNT: u64 = 100_000;
const MAX_PAYLOADS: usize = 16 << 20;
