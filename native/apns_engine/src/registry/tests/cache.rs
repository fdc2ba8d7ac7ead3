//! A full cache: who goes, who stays, and what is counted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn cache(owners: usize, devices: usize) -> Registry {
    Registry::with_bounds(RegistryKind::Cache, owners, devices)
}

fn name(n: u32) -> Vec<u8> {
    format!("user{n}@example.org").into_bytes()
}

/// All owners of these numbers, with one device each or without.
fn fill(registry: &Registry, owners: impl IntoIterator<Item = u32>, devices: usize) {
    for n in owners {
        let devices = (0..devices).map(|_| device(n, 1)).collect();
        registry.set_devices(&name(n), devices).unwrap();
    }
}

fn known(registry: &Registry, owners: std::ops::Range<u32>) -> Vec<u32> {
    owners
        .filter(|n| registry.with_owned(&name(*n), |_, _| ()).is_some())
        .collect()
}

fn ask(registry: &Registry, owners: impl IntoIterator<Item = u32>) {
    for n in owners {
        assert!(registry.count_devices(&name(n)).is_some(), "{n} is known");
    }
}

#[test]
fn a_full_cache_lets_go_of_who_was_not_asked_for() {
    let registry = cache(1000, 1000);
    fill(&registry, 0..1000, 1);
    ask(&registry, 0..500);
    fill(&registry, 1000..1400, 1);
    assert_eq!(known(&registry, 0..500), Vec::from_iter(0..500));
    assert!(registry.owners() <= 1000 && registry.devices() == registry.owners());
    let evicted = registry.evicted().owners;
    assert_eq!(evicted, 1400 - registry.owners() as u64);
    assert_eq!(registry.evicted().fetched_again, 0);
}

#[test]
fn an_evicted_owner_is_unknown_and_is_counted_when_set_again() {
    let registry = cache(100, 100);
    fill(&registry, 0..200, 1);
    let gone = (0..200).find(|n| devices_of(&registry, &name(*n)).is_none());
    let gone = gone.unwrap();
    assert_eq!(registry.count_devices(&name(gone)), None);
    fill(&registry, [gone], 1);
    assert_eq!(
        devices_of(&registry, &name(gone)),
        Some(vec![device(gone, 1)])
    );
    assert_eq!(registry.evicted().fetched_again, 1);
    fill(&registry, [gone], 1);
    assert_eq!(registry.evicted().fetched_again, 1, "it was there");
}

#[test]
fn a_flood_of_owners_without_devices_evicts_none_who_has_one() {
    let registry = cache(1000, 1000);
    fill(&registry, 0..700, 1);
    fill(&registry, 700..10_000, 0);
    ask(
        &registry,
        (9_990..10_000).filter(|n| registry.count_devices(&name(*n)).is_some()),
    );
    fill(&registry, 10_000..12_000, 0);
    assert_eq!(known(&registry, 0..700), Vec::from_iter(0..700));
    assert!(registry.owners_without_devices() > 1000 / 4);
}

#[test]
fn owners_without_devices_keep_a_quarter_of_the_room() {
    let registry = cache(1000, 1000);
    fill(&registry, 0..200, 0);
    ask(&registry, 0..200);
    fill(&registry, 1000..1800, 1);
    fill(&registry, 1800..2100, 1);
    assert_eq!(known(&registry, 0..200), Vec::from_iter(0..200));
}

#[test]
fn where_all_were_asked_for_some_go_all_the_same() {
    let registry = cache(100, 200);
    fill(&registry, 0..100, 1);
    ask(&registry, 0..100);
    fill(&registry, [100], 1);
    assert_eq!(
        devices_of(&registry, &name(100)),
        Some(vec![device(100, 1)])
    );
    assert!(known(&registry, 0..100).len() >= 90);
}

#[test]
fn room_for_devices_is_made_by_owners_who_have_some() {
    let registry = cache(100, 100);
    fill(&registry, 0..50, 0);
    fill(&registry, 50..60, 1);
    let many = |n| (0..n).map(|n| device(n, 1)).collect::<Vec<_>>();
    registry.set_devices(b"many", many(95)).unwrap();
    assert!(registry.devices() <= 100);
    assert_eq!(known(&registry, 0..50), Vec::from_iter(0..50));
    registry.set_devices(b"as many", many(100)).unwrap();
    assert_eq!(registry.devices(), 100);
    assert_eq!(registry.count_devices(b"many"), None);
}

#[test]
fn an_unknown_owner_is_not_known_by_one_device_of_several() {
    let registry = cache(100, 100);
    registry.register(b"bob", device(1, 0)).unwrap();
    assert_eq!(registry.count_devices(b"bob"), None);
    registry.set_devices(b"bob", vec![device(1, 0)]).unwrap();
    registry.register(b"bob", device(2, 0)).unwrap();
    assert_eq!(registry.count_devices(b"bob"), Some(2));
}

#[test]
fn the_hand_gets_round_tables_larger_than_one_look() {
    // In one shard all of them: it is looked at in parts.
    let mut clock = Clock::new(100_000);
    let mut owners = Owners::new();
    for n in 0..10_000 {
        let owned = Owned::new(Box::new([device(n, 1)]));
        owned.mark();
        owners.insert(name(n).into(), owned);
    }
    let (mut sweeps, mut gone) = (0, 0);
    while gone < 10_000 {
        sweeps += 1;
        assert!(sweeps < 10_000, "{gone} are gone");
        let swept = clock.sweep(&mut owners, Choice::Anybody, false);
        assert!(swept.looked_at <= 4096, "{} at once", swept.looked_at);
        gone += swept.gone.len();
    }
    assert_eq!(owners.len(), 0);
}

#[test]
fn an_urgent_look_spares_nobody_and_moves_on() {
    let mut clock = Clock::new(100_000);
    let mut owners = Owners::new();
    for n in 0..3_000 {
        let owned = Owned::new(Box::new([device(n, 1)]));
        owned.mark();
        owners.insert(name(n).into(), owned);
    }
    let swept = clock.sweep(&mut owners, Choice::Anybody, true);
    assert_eq!((swept.gone.len(), swept.looked_at), (1024, 1024));
    assert_eq!(owners.len(), 3_000 - 1024);
}

#[test]
fn room_is_made_without_going_round_all_who_are_marked() {
    let registry = cache(100_000, 100_000);
    fill(&registry, 0..100_000, 1);
    ask(&registry, 0..100_000);
    fill(&registry, [100_000], 1);
    let evicted = registry.evicted().owners;
    assert!(evicted > 0, "room is made");
    // Who is still marked was not come by: the second one who wants room finds no more of them looked at than the first.
    let marked = (0..100_000)
        .filter(|n| registry.with_owned(&name(*n), |_, owned| owned.take_mark()) == Some(true))
        .count();
    assert!(marked > 70_000, "{marked} are still marked");
}

#[test]
fn an_owner_takes_16_bytes_in_the_table() {
    assert_eq!(size_of::<Owned>(), 16);
}

#[derive(Debug, Clone)]
enum Step {
    Set(u32, usize),
    Register(u32, u32),
    Unregister(u32, u32),
    Forget(u32),
    Ask(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..40_u32;
    prop_oneof![
        4 => (owner.clone(), 0..4_usize).prop_map(|(owner, devices)| Step::Set(owner, devices)),
        1 => (owner.clone(), 0..6_u32).prop_map(|(owner, device)| Step::Register(owner, device)),
        1 => (owner.clone(), 0..6_u32).prop_map(|(owner, device)| Step::Unregister(owner, device)),
        1 => owner.clone().prop_map(Step::Forget),
        3 => owner.prop_map(Step::Ask),
    ]
}

proptest! {
    /// The database has everything; the cache has of each owner all or nothing, within its bounds, and while somebody
    /// was never asked for, nobody goes who was asked for since the last time that somebody went.
    #[test]
    fn a_cache_agrees_with_the_database_on_whomever_it_knows(steps in vec(step(), 1..300)) {
        let registry = cache(12, 20);
        let mut database: BTreeMap<u32, Vec<Device>> = BTreeMap::new();
        let mut never_asked: BTreeSet<u32> = BTreeSet::new();
        let mut asked: BTreeSet<u32> = BTreeSet::new();
        for step in steps {
            let before = known(&registry, 0..40);
            let evicted = registry.evicted().owners;
            let mut grown = None;
            let mut forgotten = None;
            match step {
                Step::Set(owner, devices) => {
                    let devices: Vec<_> = (0..devices).map(|n| device(n as u32, 1)).collect();
                    registry.set_devices(&name(owner), devices.clone()).unwrap();
                    database.insert(owner, devices);
                    grown = Some(owner);
                }
                Step::Register(owner, n) => {
                    let stored = database.entry(owner).or_default();
                    stored.retain(|known| known.token != token(n));
                    stored.push(device(n, 2));
                    registry.register(&name(owner), device(n, 2)).unwrap();
                }
                Step::Unregister(owner, n) => {
                    let stored = database.entry(owner).or_default();
                    stored.retain(|known| known.token != token(n));
                    registry.unregister(&name(owner), &token(n));
                }
                Step::Forget(owner) => {
                    if registry.forget_owner(&name(owner)) {
                        forgotten = Some(owner);
                    }
                }
                Step::Ask(owner) => {
                    if registry.count_devices(&name(owner)).is_some() {
                        never_asked.remove(&owner);
                        asked.insert(owner);
                    }
                }
            }
            let after = known(&registry, 0..40);
            for owner in &after {
                let mut has = devices_of_unmarked(&registry, *owner);
                let mut stored = database.get(owner).cloned().unwrap_or_default();
                has.sort_by_key(|device| device.token.as_bytes().to_vec());
                stored.sort_by_key(|device| device.token.as_bytes().to_vec());
                prop_assert_eq!(has, stored);
            }
            prop_assert!(registry.owners() <= 12 && registry.devices() <= 20);
            prop_assert_eq!(registry.owners(), after.len());
            let total: usize = after.iter().map(|n| database.get(n).map_or(0, Vec::len)).sum();
            prop_assert_eq!(registry.devices(), total);
            let without = after.iter().filter(|n| database.get(n).is_none_or(Vec::is_empty));
            prop_assert_eq!(registry.owners_without_devices(), without.count());
            let gone: Vec<_> = before.iter().filter(|n| !after.contains(n)).copied().collect();
            let evicted = registry.evicted().owners - evicted;
            let left = gone.iter().filter(|n| forgotten != Some(**n)).count() as u64;
            // Room for more devices of an owner may be made of that very owner, who comes back at once.
            let itself = u64::from(grown.is_some_and(|owner| before.contains(&owner)));
            prop_assert!((left..=left + itself).contains(&evicted), "{evicted} of {gone:?}");
            if evicted > 0 {
                let of_one_kind = before.iter().all(|n| !database[n].is_empty());
                let spared = before.iter().any(|n| never_asked.contains(n) && after.contains(n));
                if of_one_kind && spared {
                    prop_assert!(gone.iter().all(|n| !asked.contains(n)), "{gone:?} of {asked:?}");
                }
                asked.clear();
            }
            never_asked.retain(|n| after.contains(n));
            asked.retain(|n| after.contains(n));
            never_asked.extend(after.iter().filter(|n| !before.contains(n)));
        }
    }
}

fn devices_of_unmarked(registry: &Registry, owner: u32) -> Vec<Device> {
    let devices = registry.with_owned(&name(owner), |_, owned| owned.devices().to_vec());
    devices.unwrap()
}
