//! The library behind `apns_nif.erl`: Erlang terms in, events out.
//!
//! A function decodes, checks, hands over and returns; it never waits. `start_app` and `stop_app`,
//! which read key files and join a thread, and `forget_owners` run on dirty schedulers. Nothing is decided here that
//! could be decided in [`apns_engine`] or [`apns_proto`], because nothing here runs without a BEAM.
//!
//! - `apps`: name → running app
//! - `terms`: Erlang terms ↔ the engine's types
//!
//! A panic becomes the exception `nif_panicked` (rustler catches it), never the end of the node.

mod apps;
mod terms;

use std::time::Duration;

use rustler::{Binary, Encoder, Env, LocalPid, NifResult, Term};

use apns_engine::registry::Device;

use crate::terms::{Refusal, answer, atoms, device, notify, options, stats};

/// Written as a whole into the library, so that it can be found in the file: `tools/build` reads it
/// from there, and `apns_nif.erl` looks there for the id that it was compiled with.
static BUILD_ID: &str = concat!("apns_nif_build_id:", env!("APNS_NIF_BUILD_ID"), ";");

rustler::init!("apns_nif", load = load);

/// Refuses a module that was compiled with another library.
///
/// Runs again whenever the module was purged and is loaded anew. The library, its running apps and
/// its threads outlive the module (see `build.rs`), so there is nothing to set up.
fn load(_env: Env<'_>, build_id: Term<'_>) -> bool {
    // Without the black box the compiler may keep the text in pieces that no search finds.
    let ours = std::hint::black_box(BUILD_ID).split_once(':');
    let ours = ours.map(|(_, id)| id.trim_end_matches(';'));
    ours.is_some() && build_id.decode::<&str>().ok() == ours
}

#[rustler::nif(schedule = "DirtyIo")]
fn start_app<'a>(env: Env<'a>, app: Binary<'a>, config: Term<'a>) -> NifResult<Term<'a>> {
    answer(env, || {
        let name = options::app_name(env, &app)?;
        let options = options::read(env, config)?;
        apps::start(name, options, env.pid()).map_err(|error| options::refusal(env, &error))?;
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn stop_app<'a>(env: Env<'a>, app: Binary<'a>, drain_ms: u64) -> Term<'a> {
    apps::stop(
        app.as_slice(),
        Duration::from_millis(drain_ms.min(MAX_DRAIN_MS)),
    );
    atoms::ok().to_term(env)
}

#[rustler::nif]
fn set_event_receiver<'a>(
    env: Env<'a>,
    app: Binary<'a>,
    receiver: LocalPid,
) -> NifResult<Term<'a>> {
    answer(env, || {
        apps::find(env, &app)?.set_receiver(receiver);
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif]
fn stats<'a>(env: Env<'a>, app: Binary<'a>) -> NifResult<Term<'a>> {
    answer(env, || {
        Ok(stats::encode(env, &apps::find(env, &app)?.stats()))
    })
}

#[rustler::nif]
fn register_token<'a>(
    env: Env<'a>,
    app: Binary<'a>,
    owner: Binary<'a>,
    device: Term<'a>,
) -> NifResult<Term<'a>> {
    answer(env, || {
        let app = apps::find(env, &app)?;
        let device = device::read(env, device)?;
        let registered = app.registry().register(owner.as_slice(), device);
        registered.map_err(|error| device::refusal(env, error))?;
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif]
fn unregister_token<'a>(
    env: Env<'a>,
    app: Binary<'a>,
    owner: Binary<'a>,
    token: Binary<'a>,
) -> NifResult<Term<'a>> {
    answer(env, || {
        let app = apps::find(env, &app)?;
        let token = device::token(env, &token)?;
        app.registry().unregister(owner.as_slice(), &token);
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif]
fn set_devices<'a>(
    env: Env<'a>,
    app: Binary<'a>,
    owner: Binary<'a>,
    devices: Term<'a>,
) -> NifResult<Term<'a>> {
    answer(env, || {
        let app = apps::find(env, &app)?;
        let devices: Vec<Device> = device::read_all(env, devices)?;
        let replaced = app.registry().set_devices(owner.as_slice(), devices);
        replaced.map_err(|error| device::refusal(env, error))?;
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif]
fn forget_owner<'a>(env: Env<'a>, app: Binary<'a>, owner: Binary<'a>) -> NifResult<Term<'a>> {
    answer(env, || {
        apps::find(env, &app)?
            .registry()
            .forget_owner(owner.as_slice());
        Ok(atoms::ok().to_term(env))
    })
}

/// Millions of owners take a while to free.
#[rustler::nif(schedule = "DirtyCpu")]
fn forget_owners<'a>(env: Env<'a>, app: Binary<'a>) -> NifResult<Term<'a>> {
    answer(env, || {
        apps::find(env, &app)?.registry().clear();
        Ok(atoms::ok().to_term(env))
    })
}

#[rustler::nif]
fn count_devices<'a>(env: Env<'a>, app: Binary<'a>, owner: Binary<'a>) -> NifResult<Term<'a>> {
    answer(env, || {
        let app = apps::find(env, &app)?;
        let counted = app.registry().count_devices(owner.as_slice());
        let count = counted.ok_or_else(|| Refusal::because(env, atoms::unknown_owner()))?;
        Ok((atoms::ok(), count).encode(env))
    })
}

#[rustler::nif]
fn notify<'a>(
    env: Env<'a>,
    app: Binary<'a>,
    target: Term<'a>,
    notification: Term<'a>,
    opts: Term<'a>,
) -> NifResult<Term<'a>> {
    answer(env, || {
        let target = notify::target(env, target)?;
        let order = notify::read(env, notification, opts)?;
        let app = apps::find(env, &app)?;
        let taken = app.notify(target, order.content, order.apns_id, order.reply_to);
        let ids = taken.map_err(|error| notify::refusal(env, error))?;
        Ok(notify::taken(env, &ids))
    })
}

/// A dirty scheduler is one of ten by default: no stop may keep it for longer than this.
const MAX_DRAIN_MS: u64 = 60_000;
