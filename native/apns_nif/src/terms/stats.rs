//! What an app counts, as a map.

use rustler::{Env, Term};

use apns_engine::stats::Snapshot;

use super::atom;

/// `#{taken => 12, ...}`.
pub(crate) fn encode<'a>(env: Env<'a>, snapshot: &Snapshot) -> Term<'a> {
    let pairs: Vec<(Term<'a>, u64)> = snapshot
        .iter()
        .map(|(name, number)| (atom(env, name), number))
        .collect();
    Term::map_from_pairs(env, &pairs).unwrap_or_else(|_| Term::map_new(env))
}
