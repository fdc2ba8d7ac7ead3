//! Events on their way to an Erlang process: the only place that sends messages.

use rustler::thread::is_scheduler_thread;
use rustler::{Encoder, Env, LocalPid, OwnedEnv, Term};

use apns_engine::{Event, EventSink};

use super::{atoms, binary, event};

/// Sends an app's events as `{apns, App, [Event]}`.
pub(crate) struct Mailbox {
    app: Box<[u8]>,
    /// Where messages are built; empty between them.
    env: OwnedEnv,
}

impl Mailbox {
    /// The mailbox of the app of this name.
    pub(crate) fn new(app: &[u8]) -> Self {
        Self {
            app: app.into(),
            env: OwnedEnv::new(),
        }
    }
}

impl EventSink for Mailbox {
    type Recipient = LocalPid;

    fn deliver(&mut self, to: &LocalPid, events: &[Event]) -> bool {
        // The VM does not take messages from a process-independent environment on its own threads.
        if is_scheduler_thread() {
            return false;
        }
        let Self { app, env } = self;
        let mut batches = events.chunks(MAX_EVENTS);
        batches.all(|batch| {
            env.send_and_clear(to, |env| message(env, app, batch))
                .is_ok()
        })
    }
}

fn message<'a>(env: Env<'a>, app: &[u8], events: &[Event]) -> Term<'a> {
    let events: Vec<Term<'a>> = events
        .iter()
        .map(|event| event::encode(env, event))
        .collect();
    (atoms::apns(), binary(env, app), events).encode(env)
}

/// Events of one message at most: a receiver works through it between two looks at its mailbox.
const MAX_EVENTS: usize = 1000;
