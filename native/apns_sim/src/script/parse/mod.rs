//! A script's JSON form, as `POST /script` takes it. The errors name the field and show how it is written.

mod connection;
mod fields;
mod rule;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{Greeting, OpenRule, ScriptError, Step};
use crate::certificates::TlsFace;
use crate::judge::TokenUpdates;
use crate::options::ListenerMode;
use crate::reason::Reason;
use connection::When;
use fields::Fields;

/// Reads one step, or an array of steps.
pub(crate) fn parse(json: &[u8]) -> Result<Vec<Step>, ScriptError> {
    let value: Value = serde_json::from_slice(json)
        .map_err(|error| ScriptError::new(format!("The script is not JSON: {error}.")))?;
    match value {
        Value::Array(steps) => steps.into_iter().map(step).collect(),
        other => Ok(vec![step(other)?]),
    }
}

fn step(value: Value) -> Result<Step, ScriptError> {
    let mut fields = Fields::of(value)?;
    let mut kinds = KINDS.iter().filter(|kind| fields.has(kind));
    let kind = kinds.next().copied();
    if let (Some(one), Some(other)) = (kind, kinds.next()) {
        return Err(ScriptError::new(format!(
            "A step has one of \"{one}\" and \"{other}\", not both."
        )));
    }
    let step = match kind {
        Some("now") => Step::Now {
            action: connection::action(&mut fields, When::Now)?,
            connection: fields.number("connection", 1..=u64::MAX)?,
        },
        Some("open") => {
            let action = connection::action(&mut fields, When::Open)?;
            Step::Open(open_rule(&mut fields, Greeting::Open(action))?)
        }
        Some("listener") => {
            let mode = fields.choice("listener", LISTENERS)?;
            match is_counted(&fields) {
                true => Step::Open(open_rule(&mut fields, Greeting::Listener(mode))?),
                false => Step::Listener(mode),
            }
        }
        Some("tls") => {
            let face = fields.choice("tls", FACES)?;
            match is_counted(&fields) {
                true => Step::Open(open_rule(&mut fields, Greeting::Tls(face))?),
                false => Step::Tls(face),
            }
        }
        Some("unregister") => unregister(&mut fields)?,
        Some("register") => Step::Register {
            token: fields.token("register")?,
            topic: fields.text("topic")?.ok_or_else(|| {
                ScriptError::new("A device is registered for a \"topic\", the app's bundle id.")
            })?,
        },
        Some("clock_offset_s") => Step::ClockOffset {
            seconds: fields.integer("clock_offset_s")?,
        },
        Some("date") => Step::Date(fields.switch("date")?),
        Some("token_updates") => Step::TokenUpdates(fields.choice("token_updates", UPDATES)?),
        _ => Step::Rule(rule::rule(&mut fields)?),
    };
    fields.none_left()?;
    Ok(step)
}

fn unregister(fields: &mut Fields) -> Result<Step, ScriptError> {
    let reason = fields.text("reason")?;
    let reason = reason.as_deref().unwrap_or(Reason::UNREGISTERED.name());
    let reason = Reason::find(reason).filter(|reason| reason.status() == 410);
    let reason = reason.ok_or_else(|| {
        ScriptError::new(
            "\"reason\" of an unregistered device is \"Unregistered\" or \"ExpiredToken\".",
        )
    })?;
    Ok(Step::Unregister {
        token: fields.token("unregister")?,
        timestamp_ms: fields.number("timestamp", 0..=u64::MAX)?,
        reason,
    })
}

/// Whether a door is for some connections only; else it stays as it is put.
fn is_counted(fields: &Fields) -> bool {
    fields.has("skip") || fields.has("times")
}

fn open_rule(fields: &mut Fields, greeting: Greeting) -> Result<OpenRule, ScriptError> {
    Ok(OpenRule {
        skip: fields.number("skip", 0..=u64::MAX)?.unwrap_or(0),
        times: times(fields)?,
        greeting,
    })
}

fn times(fields: &mut Fields) -> Result<Option<u64>, ScriptError> {
    let times = fields.number("times", 0..=u64::MAX)?;
    if times == Some(0) {
        return Err(ScriptError::new(
            "\"times\" is at least 1; leave it out for a rule that stays.",
        ));
    }
    Ok(times)
}

/// The fields that say what kind of step it is. A step without one of them is a rule for requests.
const KINDS: &[&str] = &[
    "now",
    "open",
    "unregister",
    "register",
    "listener",
    "tls",
    "clock_offset_s",
    "date",
    "token_updates",
];

const LISTENERS: &[(&str, ListenerMode)] = &[
    ("serve", ListenerMode::Serve),
    ("silent", ListenerMode::Silent),
    ("silent_after_tls", ListenerMode::SilentAfterTls),
    ("cut", ListenerMode::Cut),
];

const FACES: &[(&str, TlsFace)] = &[
    ("normal", TlsFace::Normal),
    ("expired_certificate", TlsFace::ExpiredCertificate),
    ("wrong_name", TlsFace::WrongName),
    ("unknown_authority", TlsFace::UnknownAuthority),
    ("no_alpn", TlsFace::NoAlpn),
    (
        "refuse_client_certificate",
        TlsFace::RefuseClientCertificate,
    ),
];

const UPDATES: &[(&str, TokenUpdates)] = &[
    ("usual", TokenUpdates::Usual),
    ("strict", TokenUpdates::Strict),
    ("free", TokenUpdates::Free),
];
