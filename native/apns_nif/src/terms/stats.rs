//! What an app counts, as a map.

use rustler::{Encoder, Env, Term};

use apns_engine::stats::Snapshot;

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
    let pairs: Vec<(Term<'a>, Term<'a>)> = numbers.chain([rejections]).chain(latencies).collect();
    map(env, &pairs)
}

fn map<'a>(env: Env<'a>, pairs: &[(Term<'a>, impl Encoder)]) -> Term<'a> {
    Term::map_from_pairs(env, pairs).unwrap_or_else(|_| Term::map_new(env))
}
