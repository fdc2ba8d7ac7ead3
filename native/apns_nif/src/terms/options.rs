//! The options of `start_app`: a map of the engine's own words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustler::{Binary, Encoder, Env, Term};

use apns_engine::app as engine;
use apns_engine::config::{EnvironmentOption, NUMBERS, Options, Outcomes, TransportOption};
use apns_engine::registry::RegistryKind;

use super::fields::{self, Fields, Unreadable, Wrong};
use super::values::{bytes, flag, integer, set, text, word};
use super::{Refusal, atom, atoms, binary};
use crate::apps::{MAX_APPS, StartError};

/// An app's name; threads and log lines carry it, so it is text.
pub(crate) fn app_name<'a>(env: Env<'a>, name: &Binary<'a>) -> Result<&'a str, Refusal<'a>> {
    std::str::from_utf8(name.as_slice()).map_err(|_| bad(env, atoms::app(), "must be UTF-8 text"))
}

/// The options; whether they make sense together is the engine's to say.
pub(crate) fn read<'a>(env: Env<'a>, config: Term<'a>) -> Result<Options, Refusal<'a>> {
    let mut options = Options::default();
    let read = fields::read(config, |key, value| {
        FIELDS
            .set(&mut options, key, value)
            .or_else(|| number(&mut options, key, value))
    });
    read.map_err(|unreadable| match unreadable {
        Unreadable::NotAMap => Refusal::BadArg,
        Unreadable::UnknownKey(key) => bad(env, key, &unknown()),
        Unreadable::WrongValue(key, wrong) => bad(env, key, &sentence(&wrong)),
    })?;
    Ok(options)
}

/// What the caller gets for an app that was not started.
pub(crate) fn refusal<'a>(env: Env<'a>, error: &StartError) -> Refusal<'a> {
    match error {
        StartError::Engine(engine::StartError::Config(error)) => {
            bad(env, atom(env, error.option()), error.problem())
        }
        StartError::Engine(other) => bad(env, atoms::app(), &other.to_string()),
        StartError::AlreadyStarted(differences) => {
            let options: Vec<Term<'a>> = differences.iter().map(|name| atom(env, name)).collect();
            Refusal::because(env, (atoms::already_started(), options))
        }
        StartError::TooManyApps => bad(
            env,
            atoms::app(),
            &format!("{MAX_APPS} apps run already, which is the limit"),
        ),
    }
}

fn bad<'a>(env: Env<'a>, option: impl Encoder, sentence: &str) -> Refusal<'a> {
    let sentence = binary(env, sentence.as_bytes());
    Refusal::because(env, (atoms::bad_option(), option, sentence))
}

fn unknown() -> String {
    let numbers = NUMBERS.iter().map(|number| number.name);
    let names: Vec<_> = FIELDS.names().chain(numbers).collect();
    format!(
        "is no option of an app; the options are {}",
        names.join(", ")
    )
}

fn sentence(wrong: &Wrong<'_>) -> String {
    match wrong {
        Wrong::Not(what) => format!("must be {what}"),
        Wrong::TooLarge(bytes) => format!("has {bytes} bytes, which is too long"),
        Wrong::Twice | Wrong::Inside(_) => "is given twice".to_owned(),
    }
}

static FIELDS: Fields<Options> = Fields::new(&[
    ("topic", |options, term| {
        set(&mut options.topic, text(term)?.to_owned())
    }),
    ("environment", |options, term| {
        options.environment = match &*word(term)? {
            "production" => EnvironmentOption::Production,
            "sandbox" => EnvironmentOption::Sandbox,
            url => EnvironmentOption::Url(url.to_owned()),
        };
        Ok(())
    }),
    ("key_file", |options, term| {
        set(&mut options.key_file, path(term)?)
    }),
    ("key_id", |options, term| {
        set(&mut options.key_id, text(term)?.to_owned())
    }),
    ("team_id", |options, term| {
        set(&mut options.team_id, text(term)?.to_owned())
    }),
    ("certificate_file", |options, term| {
        set(&mut options.certificate_file, path(term)?)
    }),
    ("password", |options, term| {
        set(&mut options.password, text(term)?.into())
    }),
    ("ca_file", |options, term| {
        set(&mut options.ca_file, path(term)?)
    }),
    ("transport", |options, term| {
        options.transport = match &*word(term)? {
            "http2" => TransportOption::Http2,
            "binary" => TransportOption::Binary,
            _ => return Err(Wrong::Not("http2 or binary")),
        };
        Ok(())
    }),
    ("outcomes", |options, term| {
        options.outcomes = match &*word(term)? {
            "all" => Outcomes::All,
            "failures" => Outcomes::Failures,
            "none" => Outcomes::None,
            _ => return Err(Wrong::Not("all, failures or none")),
        };
        Ok(())
    }),
    ("index_authorization", |options, term| {
        options.index_authorization = flag(term)?;
        Ok(())
    }),
    ("registry", |options, term| {
        options.registry = match &*word(term)? {
            "table" => RegistryKind::Table,
            "cache" => RegistryKind::Cache,
            _ => return Err(Wrong::Not("table or cache")),
        };
        Ok(())
    }),
]);

/// The numeric options: the engine's table has their names and bounds, and the engine checks them.
fn number<'a>(
    options: &mut Options,
    key: Term<'_>,
    value: Term<'a>,
) -> Option<Result<(), Wrong<'a>>> {
    let name = key.atom_to_string().ok()?;
    let option = options.number_mut(&name)?;
    Some(integer(value).map(|number| *option = number))
}

/// A file's name is whatever bytes the file system has.
fn path<'a>(term: Term<'a>) -> Result<PathBuf, Wrong<'a>> {
    bytes(term).map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
}
