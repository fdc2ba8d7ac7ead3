//! What an app counts, as a map.

use rustler::{Encoder, Env, Term};

use std::time::Instant;

use apns_engine::stats::{Connection, Snapshot};

use super::{atom, atoms, binary};

/// `#{taken => 12, ..., rejections => #{<<"BadDeviceToken">> => 1}, outcome_latency => #{p50 => 900, ...}, ...}`.
pub(crate) fn encode<'a>(env: Env<'a>, snapshot: &Snapshot) -> Term<'a> {
    let numbers = snapshot
        .iter()
        .map(|(name, number)| (atom(env, name), number.encode(env)));
    let rejections: Vec<(Term<'a>, u64)> = snapshot
        .rejections
        .iter()
        .map(|(reason, count)| (binary(env, reason.as_bytes()), *count))
        .collect();
    let rejections = (atoms::rejections().to_term(env), map(env, &rejections));
    let latencies = snapshot.latencies.iter().map(|(name, summary)| {
        let fields = summary
            .fields()
            .map(|(name, number)| (atom(env, name), number));
        (atom(env, name), map(env, &fields))
    });
    let connections = snapshot.connection_list.iter();
    let connections: Vec<_> = connections
        .map(|it| connection(env, it, snapshot.now))
        .collect();
    let connections = (
        atoms::connection_list().to_term(env),
        connections.encode(env),
    );
    let pairs: Vec<(Term<'a>, Term<'a>)> = numbers
        .chain([rejections, connections])
        .chain(latencies)
        .collect();
    map(env, &pairs)
}

/// `#{peer => <<"17.188.143.34:443">>, state => serving, age_ms => 1200, ...}`.
fn connection<'a>(env: Env<'a>, connection: &Connection, now: Instant) -> Term<'a> {
    let peer = binary(env, connection.peer.to_string().as_bytes());
    let state = atom(env, connection.state.as_str());
    let texts = [
        (atoms::peer().to_term(env), peer),
        (atoms::state().to_term(env), state),
    ];
    let numbers = connection.fields(now);
    let numbers = numbers.map(|(name, number)| (atom(env, name), number.encode(env)));
    map(env, &texts.into_iter().chain(numbers).collect::<Vec<_>>())
}

fn map<'a>(env: Env<'a>, pairs: &[(Term<'a>, impl Encoder)]) -> Term<'a> {
    Term::map_from_pairs(env, pairs).unwrap_or_else(|_| Term::map_new(env))
}
