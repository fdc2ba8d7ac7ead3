//! A rule for requests.

use super::connection::{self, When};
use super::fields::Fields;
use super::times;
use crate::reason::Reason;
use crate::script::{Answer, ConnectionAction, Effect, Rule, ScriptError};

pub(super) fn rule(fields: &mut Fields) -> Result<Rule, ScriptError> {
    Ok(Rule {
        token: fields.token_or_any()?,
        effect: effect(fields)?,
        connection: fields.number("connection", 1..=u64::MAX)?,
        stream: fields.small("stream", 1, LAST_STREAM)?,
        every: fields.small("every", 1, LAST_STREAM)?,
        skip: fields.number("skip", 0..=u64::MAX)?.unwrap_or(0),
        times: times(fields)?,
    })
}

fn effect(fields: &mut Fields) -> Result<Effect, ScriptError> {
    if !fields.has("action") {
        return Ok(Effect::Answer(answer(fields)?));
    }
    match fields.peek("action") {
        Some("refused_stream") => fields.text("action").map(|_| Effect::RefusedStream),
        Some("stall") => fields.text("action").map(|_| Effect::Stall),
        Some("reset") => {
            fields.text("action")?;
            Ok(Effect::Reset {
                code: fields
                    .small("code", 0, u32::MAX.into())?
                    .unwrap_or(CODE_CANCEL),
                early: fields.flag("early")?,
            })
        }
        _ => Ok(match connection::action(fields, When::Request)? {
            ConnectionAction::Cut => Effect::Cut,
            ConnectionAction::GoAway(go_away) => Effect::Goaway(go_away),
            other => Effect::Connection(other),
        }),
    }
}

fn answer(fields: &mut Fields) -> Result<Answer, ScriptError> {
    let status = fields.small("status", 200, 599)?;
    let reason = fields.text("reason")?;
    let known = reason.as_deref().and_then(Reason::find).map(Reason::status);
    let form = FORM.iter().any(|name| fields.has(name));
    let status = match (status.or(known), &reason) {
        (Some(status), _) => status,
        (None, Some(reason)) => {
            return Err(ScriptError::new(format!(
                "{reason:?} is no reason Apple has told of; say its \"status\" too."
            )));
        }
        (None, None) if form => 200,
        (None, None) => {
            return Err(ScriptError::new(
                "A rule says what happens: \"status\", \"reason\", \"delay_ms\" or \"action\".",
            ));
        }
    };
    Ok(Answer {
        status,
        reason,
        timestamp: fields.number("timestamp", 0..=u64::MAX)?,
        delay_ms: fields.number("delay_ms", 0..=MAX_DELAY_MS)?.unwrap_or(0),
        retry_after: fields.number("retry_after", 0..=u64::MAX)?,
        interim: fields.numbers("interim", 100..=199)?,
        headers: fields.headers("headers")?,
        body: fields.text("body")?,
        trailers: fields.headers("trailers")?,
        early: fields.flag("early")?,
    })
}

/// Fields that change a 200's form, and so say enough without a status.
const FORM: &[&str] = &[
    "delay_ms", "interim", "headers", "body", "trailers", "early",
];
/// An hour; the action `stall` is for never.
const MAX_DELAY_MS: u64 = 3_600_000;
const LAST_STREAM: u64 = 0x7fff_ffff;
const CODE_CANCEL: u32 = 8;
