//! The running apps by name.
//!
//! `notify` reads the table from every scheduler at once; it is written only when an app starts or
//! stops, and never while a file is read or a thread is joined.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use rustler::{Binary, Env, LocalPid};

use apns_engine::config::Options;

use crate::terms::mailbox::Mailbox;
use crate::terms::{Refusal, atoms};

/// An app whose events go to Erlang processes.
pub(crate) type App = apns_engine::App<Mailbox>;

/// Why an app was not started.
pub(crate) enum StartError {
    /// The engine refuses the options, or the system gives it no thread.
    Engine(apns_engine::app::StartError),
    /// It runs with other options: the names of those that differ.
    AlreadyStarted(Vec<&'static str>),
    /// [`MAX_APPS`] run.
    TooManyApps,
}

/// The app of this name, for as long as the caller needs it: nothing is done with it under the lock, which the start of
/// another app would wait for, and with it everybody who notifies.
pub(crate) fn find<'a>(env: Env<'a>, name: &Binary<'_>) -> Result<Arc<App>, Refusal<'a>> {
    let apps = APPS.read().unwrap_or_else(PoisonError::into_inner);
    let running = apps.get(name.as_slice());
    running
        .map(|running| Arc::clone(&running.app))
        .ok_or_else(|| Refusal::because(env, atoms::unknown_app()))
}

/// Starts an app, or counts one more start of it.
pub(crate) fn start(name: &str, options: Options, receiver: LocalPid) -> Result<(), StartError> {
    let key = name.as_bytes();
    // One start or stop of an app at a time, so that two of the same do not both start it. Of others too, if chance
    // gives them the same turn; and a key file that cannot be read for a while holds up no more than these.
    let _turn = turn(key);
    {
        let mut apps = APPS.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = apps.get_mut(key) {
            let differences = running.app.options().differences(&options);
            if !differences.is_empty() {
                return Err(StartError::AlreadyStarted(differences));
            }
            running.starts += 1;
            return Ok(());
        }
        if apps.len() >= MAX_APPS {
            return Err(StartError::TooManyApps);
        }
    }
    let app = App::start(name, options, Mailbox::new(key), Some(receiver));
    let running = Running {
        app: Arc::new(app.map_err(StartError::Engine)?),
        starts: 1,
    };
    APPS.write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key.into(), running);
    Ok(())
}

/// Takes back one start; the last one stops the app, and returns when its engine is gone.
pub(crate) fn stop(name: &[u8], drain: Duration) {
    let last = {
        let _turn = turn(name);
        let mut apps = APPS.write().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = apps.get_mut(name) else {
            return;
        };
        running.starts -= 1;
        if running.starts > 0 {
            return;
        }
        apps.remove(name)
    };
    // Outside the locks: others may notify, start and stop while this app drains.
    if let Some(running) = last {
        running.app.stop(drain);
    }
}

fn turn(name: &[u8]) -> MutexGuard<'static, ()> {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    let [first, ..] = &TURNS;
    let place = usize::try_from(hasher.finish() % TURNS.len() as u64).unwrap_or_default();
    let turn = TURNS.get(place).unwrap_or(first);
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Running {
    app: Arc<App>,
    /// At least 1: how many stops it takes.
    starts: u64,
}

/// An ordered map, because it can be made without running code at load.
static APPS: RwLock<BTreeMap<Box<[u8]>, Running>> = RwLock::new(BTreeMap::new());
static TURNS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// Each app has a thread and a connection of its own.
pub(crate) const MAX_APPS: usize = 1000;
