//! A script's JSON form, as `POST /script` takes it. The errors name the field and show how it is written.

use serde::Deserialize;
use serde_json::Value;

use super::{Answer, ConnectionAction, Effect, GoAway, Rule, Step};
use crate::certificates::TlsFace;
use crate::options::ListenerMode;
use crate::reason::Reason;
use crate::request::is_device_token;

/// Why a script was not taken: a sentence that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct ScriptError {
    sentence: String,
}

impl ScriptError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
        }
    }
}

/// Reads one step, or an array of steps.
pub(crate) fn parse(json: &[u8]) -> Result<Vec<Step>, ScriptError> {
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| ScriptError::new(format!("The script is not JSON: {error}.")))?;
    match value {
        Value::Array(steps) => steps.into_iter().map(step).collect(),
        other => Ok(vec![step(other)?]),
    }
}

/// All fields a step may have; which of the first group is there says what kind it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    now: Option<String>,
    unregister: Option<String>,
    register: Option<String>,
    listener: Option<ListenerMode>,
    tls: Option<TlsFace>,
    clock_offset_s: Option<i64>,

    token: Option<String>,
    skip: Option<u64>,
    times: Option<u64>,
    status: Option<u16>,
    reason: Option<String>,
    timestamp: Option<u64>,
    delay_ms: Option<u64>,
    retry_after: Option<u64>,
    action: Option<String>,

    connection: Option<u64>,
    code: Option<u32>,
    last_stream: Option<u32>,
    value: Option<Value>,
    topic: Option<String>,
}

fn step(value: Value) -> Result<Step, ScriptError> {
    let mut fields: Fields = serde_json::from_value(value)
        .map_err(|error| ScriptError::new(format!("A step is not right: {error}.")))?;
    let kinds = [
        fields.now.is_some(),
        fields.unregister.is_some(),
        fields.register.is_some(),
        fields.listener.is_some(),
        fields.tls.is_some(),
        fields.clock_offset_s.is_some(),
    ];
    if kinds.iter().filter(|there| **there).count() > 1 {
        return Err(ScriptError::new(
            "A step has one of \"now\", \"unregister\", \"register\", \"listener\", \"tls\" and \"clock_offset_s\", not several.",
        ));
    }
    let step = if let Some(action) = fields.now.take() {
        Step::Now {
            action: connection_action(&action, &mut fields)?,
            connection: fields.connection.take(),
        }
    } else if let Some(token) = fields.unregister.take() {
        let reason = fields
            .reason
            .take()
            .unwrap_or_else(|| Reason::UNREGISTERED.name().to_owned());
        let reason = Reason::find(&reason).filter(|reason| reason.status() == 410);
        let reason = reason.ok_or_else(|| {
            ScriptError::new(
                "\"reason\" of an unregistered device is \"Unregistered\" or \"ExpiredToken\".",
            )
        })?;
        Step::Unregister {
            token: token_of(&token)?,
            timestamp_ms: fields.timestamp.take(),
            reason,
        }
    } else if let Some(token) = fields.register.take() {
        let topic = fields.topic.take().ok_or_else(|| {
            ScriptError::new("A device is registered for a \"topic\", the app's bundle id.")
        })?;
        Step::Register {
            token: token_of(&token)?,
            topic,
        }
    } else if let Some(mode) = fields.listener.take() {
        Step::Listener(mode)
    } else if let Some(face) = fields.tls.take() {
        Step::Tls(face)
    } else if let Some(seconds) = fields.clock_offset_s.take() {
        Step::ClockOffset { seconds }
    } else {
        Step::Rule(rule(&mut fields)?)
    };
    fields.none_left()?;
    Ok(step)
}

fn rule(fields: &mut Fields) -> Result<Rule, ScriptError> {
    let token = match fields.token.take() {
        Some(any) if any == "*" => None,
        Some(token) => Some(token_of(&token)?),
        None => None,
    };
    let effect = match fields.action.take().as_deref() {
        None => Effect::Answer(answer(fields)?),
        Some("refused_stream") => Effect::RefusedStream,
        Some("stall") => Effect::Stall,
        Some("cut") => Effect::Cut,
        Some("goaway") => Effect::Goaway(go_away(fields)),
        Some(other) => {
            return Err(ScriptError::new(format!(
                "\"action\" of a rule is \"refused_stream\", \"stall\", \"cut\" or \"goaway\", not {other:?}."
            )));
        }
    };
    let times = fields.times.take();
    if times == Some(0) {
        return Err(ScriptError::new(
            "\"times\" is at least 1; leave it out for a rule that stays.",
        ));
    }
    Ok(Rule {
        token,
        skip: fields.skip.take().unwrap_or(0),
        times,
        effect,
    })
}

fn answer(fields: &mut Fields) -> Result<Answer, ScriptError> {
    let reason = fields.reason.take();
    let known = reason.as_deref().and_then(Reason::find).map(Reason::status);
    let delay_ms = fields.delay_ms.take();
    let status = match (fields.status.take(), known, &reason) {
        (Some(status), _, _) => status,
        (None, Some(status), _) => status,
        (None, None, Some(reason)) => {
            return Err(ScriptError::new(format!(
                "{reason:?} is no reason Apple has told of; say its \"status\" too."
            )));
        }
        (None, None, None) if delay_ms.is_some() => 200,
        (None, None, None) => {
            return Err(ScriptError::new(
                "A rule says what happens: \"status\", \"reason\", \"delay_ms\" or \"action\".",
            ));
        }
    };
    if !(200..=599).contains(&status) {
        return Err(ScriptError::new(format!(
            "\"status\" is a final HTTP status, 200 to 599, not {status}."
        )));
    }
    if delay_ms > Some(MAX_DELAY_MS) {
        return Err(ScriptError::new(format!(
            "\"delay_ms\" is at most {MAX_DELAY_MS}, an hour; use the action \"stall\" for never."
        )));
    }
    let (timestamp, retry_after) = (fields.timestamp.take(), fields.retry_after.take());
    Ok(Answer {
        status,
        reason,
        timestamp,
        delay_ms: delay_ms.unwrap_or(0),
        retry_after,
    })
}

fn go_away(fields: &mut Fields) -> GoAway {
    GoAway {
        code: fields.code.take().unwrap_or(0),
        last_stream: fields.last_stream.take(),
        reason: fields.reason.take(),
    }
}

fn connection_action(action: &str, fields: &mut Fields) -> Result<ConnectionAction, ScriptError> {
    Ok(match action {
        "goaway" => ConnectionAction::GoAway(go_away(fields)),
        "stall" => ConnectionAction::Stall,
        "cut" => ConnectionAction::Cut,
        "max_streams" => ConnectionAction::MaxStreams(match fields.value.take() {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_u64().and_then(|limit| u32::try_from(limit).ok()).ok_or_else(|| {
                ScriptError::new("\"value\" of max_streams is a number of streams, or null to follow the answers again.")
            })?),
        }),
        "ignore_pings" => ConnectionAction::IgnorePings(switch(action, fields)?),
        "withhold_window_updates" => ConnectionAction::WithholdWindowUpdates(switch(action, fields)?),
        "refuse_twice" => ConnectionAction::RefuseTwice(switch(action, fields)?),
        other => {
            return Err(ScriptError::new(format!(
                "\"now\" is \"goaway\", \"stall\", \"cut\", \"max_streams\", \"ignore_pings\", \
                 \"withhold_window_updates\" or \"refuse_twice\", not {other:?}."
            )));
        }
    })
}

fn switch(action: &str, fields: &mut Fields) -> Result<bool, ScriptError> {
    match fields.value.take() {
        None | Some(Value::Bool(true)) => Ok(true),
        Some(Value::Bool(false)) => Ok(false),
        Some(_) => Err(ScriptError::new(format!(
            "\"value\" of {action} is true or false."
        ))),
    }
}

fn token_of(token: &str) -> Result<String, ScriptError> {
    if is_device_token(token) {
        Ok(token.to_ascii_lowercase())
    } else {
        Err(ScriptError::new(
            "A device token is hex of 1 to 100 bytes; \"*\" as a rule's \"token\" means any.",
        ))
    }
}

impl Fields {
    /// A field that the step's kind does not use is a misunderstanding, not to be passed over.
    fn none_left(&self) -> Result<(), ScriptError> {
        let left = [
            ("token", self.token.is_some()),
            ("skip", self.skip.is_some()),
            ("times", self.times.is_some()),
            ("status", self.status.is_some()),
            ("reason", self.reason.is_some()),
            ("timestamp", self.timestamp.is_some()),
            ("delay_ms", self.delay_ms.is_some()),
            ("retry_after", self.retry_after.is_some()),
            ("action", self.action.is_some()),
            ("connection", self.connection.is_some()),
            ("code", self.code.is_some()),
            ("last_stream", self.last_stream.is_some()),
            ("value", self.value.is_some()),
            ("topic", self.topic.is_some()),
        ];
        match left.iter().find(|(_, there)| *there) {
            Some((name, _)) => Err(ScriptError::new(format!(
                "\"{name}\" means nothing in this kind of step."
            ))),
            None => Ok(()),
        }
    }
}

const MAX_DELAY_MS: u64 = 3_600_000;
