mod cache;

use std::mem::size_of;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;

fn token(n: u32) -> DeviceToken {
    let mut raw = [0xab; 32];
    raw[..4].copy_from_slice(&n.to_be_bytes());
    DeviceToken::from_bytes(&raw).unwrap()
}

fn device(n: u32, registered_at_ms: u64) -> Device {
    Device {
        token: token(n),
        kind: DeviceKind::Alert,
        registered_at_ms,
    }
}

fn table() -> Registry {
    Registry::new(RegistryKind::Table, 4_000_000)
}

fn devices_of(registry: &Registry, owner: &[u8]) -> Option<Vec<Device>> {
    registry.with_devices(owner, |name, devices| {
        assert_eq!(&**name, owner);
        devices.to_vec()
    })
}

#[test]
fn devices_are_kept_in_the_order_of_registration() {
    let registry = table();
    assert_eq!(devices_of(&registry, b"bob"), None);
    for n in [3, 1, 2] {
        registry.register(b"bob", device(n, 7)).unwrap();
    }
    registry.register(b"eve", device(1, 9)).unwrap();
    assert_eq!(
        devices_of(&registry, b"bob"),
        Some(vec![device(3, 7), device(1, 7), device(2, 7)])
    );
    assert_eq!((registry.owners(), registry.devices()), (2, 4));
    assert_eq!(
        format!("{registry:?}"),
        "Registry { owners: 2, devices: 4, .. }"
    );
}

#[test]
fn the_same_token_again_renews_kind_and_time() {
    let registry = table();
    registry.register(b"bob", device(1, 1000)).unwrap();
    let renewed = Device {
        kind: DeviceKind::Voip,
        ..device(1, 2000)
    };
    registry.register(b"bob", renewed.clone()).unwrap();
    assert_eq!(devices_of(&registry, b"bob"), Some(vec![renewed]));
    assert_eq!(registry.registered_at_ms(b"bob", &token(1)), Some(2000));
    assert_eq!(registry.registered_at_ms(b"bob", &token(2)), None);
    assert_eq!(registry.registered_at_ms(b"eve", &token(1)), None);
    assert_eq!(registry.devices(), 1);
}

#[test]
fn an_owner_without_devices_is_still_known_until_forgotten() {
    let registry = table();
    registry.register(b"bob", device(1, 0)).unwrap();
    assert!(!registry.unregister(b"bob", &token(2)));
    assert!(registry.unregister(b"bob", &token(1)));
    assert!(!registry.unregister(b"bob", &token(1)));
    assert_eq!(devices_of(&registry, b"bob"), Some(vec![]));
    assert_eq!((registry.owners(), registry.devices()), (1, 0));

    assert!(registry.forget_owner(b"bob"));
    assert!(!registry.forget_owner(b"bob"));
    assert!(!registry.unregister(b"bob", &token(1)));
    assert_eq!(devices_of(&registry, b"bob"), None);
    assert_eq!((registry.owners(), registry.devices()), (0, 0));
}

#[test]
fn an_owners_devices_of_either_kind_are_counted_and_none_is_not_unknown() {
    let registry = table();
    assert_eq!(registry.count_devices(b"bob"), None);
    registry.set_devices(b"bob", Vec::new()).unwrap();
    assert_eq!(registry.count_devices(b"bob"), Some(0));
    registry.register(b"bob", device(1, 7)).unwrap();
    let voip = Device {
        kind: DeviceKind::Voip,
        ..device(2, 7)
    };
    registry.register(b"bob", voip).unwrap();
    registry.register(b"eve", device(3, 7)).unwrap();
    assert_eq!(registry.count_devices(b"bob"), Some(2));
    registry.forget_owner(b"bob");
    assert_eq!(registry.count_devices(b"bob"), None);
    assert_eq!(registry.count_devices(&[b'b'; MAX_OWNER_LEN + 1]), None);
}

#[test]
fn set_devices_replaces_all_and_the_later_of_two_counts() {
    let registry = table();
    registry.register(b"bob", device(9, 0)).unwrap();
    registry
        .set_devices(b"bob", vec![device(1, 10), device(2, 10), device(1, 20)])
        .unwrap();
    assert_eq!(
        devices_of(&registry, b"bob"),
        Some(vec![device(1, 20), device(2, 10)])
    );
    assert_eq!(registry.devices(), 2);
    registry.set_devices(b"bob", vec![]).unwrap();
    registry.set_devices(b"eve", vec![]).unwrap();
    assert_eq!(devices_of(&registry, b"eve"), Some(vec![]));
    assert_eq!((registry.owners(), registry.devices()), (2, 0));
}

#[test]
fn the_shared_name_outlives_the_owner() {
    let registry = table();
    registry.register(b"bob@example.org", device(1, 0)).unwrap();
    let name = registry
        .with_devices(b"bob@example.org", |name, _| Arc::clone(name))
        .unwrap();
    registry.forget_owner(b"bob@example.org");
    assert_eq!(&*name, b"bob@example.org");
}

#[test]
fn an_owner_has_1_to_3071_bytes() {
    let registry = table();
    for (len, expected) in [
        (0, Err(RegistryError::OwnerLength)),
        (1, Ok(())),
        (1023 + 1 + 1023 + 1 + 1023, Ok(())),
        (3072, Err(RegistryError::OwnerLength)),
    ] {
        let owner = vec![b'x'; len];
        assert_eq!(
            registry.register(&owner, device(1, 0)),
            expected,
            "{len} bytes"
        );
        assert_eq!(
            registry.set_devices(&owner, vec![]),
            expected,
            "{len} bytes"
        );
    }
    assert_eq!(
        RegistryError::OwnerLength.to_string(),
        "an owner has 1 to 3071 bytes"
    );
}

#[test]
fn the_101st_device_of_an_owner_is_refused() {
    let registry = table();
    let hundred: Vec<_> = (0..100).map(|n| device(n, 0)).collect();
    registry.set_devices(b"bob", hundred.clone()).unwrap();
    let refused = Err(RegistryError::TooManyDevicesOfOwner);
    assert_eq!(registry.register(b"bob", device(100, 0)), refused);
    assert_eq!(
        registry.register(b"bob", device(99, 5)),
        Ok(()),
        "renewal is no growth"
    );

    let mut more = hundred;
    more.push(device(100, 0));
    assert_eq!(registry.set_devices(b"bob", more.clone()), refused);
    assert_eq!(registry.set_devices(b"eve", more), refused);
    assert_eq!((registry.owners(), registry.devices()), (1, 100));
}

#[test]
fn bounds_of_the_whole_refuse_and_change_nothing() {
    let registry = Registry::with_bounds(RegistryKind::Table, 2, 3);
    registry
        .set_devices(b"a", vec![device(1, 0), device(2, 0)])
        .unwrap();
    assert_eq!(
        registry.set_devices(b"b", vec![device(1, 0), device(2, 0)]),
        Err(RegistryError::TooManyDevices)
    );
    assert_eq!(
        registry.owners(),
        1,
        "the owner that was refused does not count"
    );
    registry.register(b"b", device(1, 0)).unwrap();
    assert_eq!(
        registry.register(b"b", device(2, 0)),
        Err(RegistryError::TooManyDevices)
    );
    assert_eq!(
        registry.register(b"c", device(1, 0)),
        Err(RegistryError::TooManyOwners)
    );
    assert_eq!(
        registry.set_devices(b"c", vec![]),
        Err(RegistryError::TooManyOwners)
    );
    registry.forget_owner(b"a");
    registry
        .set_devices(b"c", vec![device(1, 0), device(2, 0)])
        .unwrap();
    assert_eq!((registry.owners(), registry.devices()), (2, 3));
}

#[test]
fn a_device_costs_at_most_150_bytes_beyond_token_and_owner() {
    const ALLOCATION: usize = 8; // glibc's size word
    const ROUNDING: usize = 8; // to multiples of 16
    let bucket = size_of::<(Arc<[u8]>, Owned)>() + 1;
    // Just after growing, a table is 7/16 full: the worst case, with one device an owner.
    let table = bucket * 16 / 7;
    let name = 2 * size_of::<usize>() + ALLOCATION + ROUNDING;
    let list = size_of::<Device>() - 32 + ALLOCATION + ROUNDING;
    assert!(table + name + list <= 150, "{table} + {name} + {list}");
}

#[test]
fn readers_see_whole_device_lists_while_writers_change_them() {
    // A writer sets n devices registered at n; a reader that sees anything else saw a half-made change.
    let registry = table();
    let owners: Vec<Vec<u8>> = (0..16u8).map(|n| vec![n]).collect();
    for owner in &owners {
        registry.set_devices(owner, vec![device(0, 1)]).unwrap();
    }
    let (start, done) = (Barrier::new(4), AtomicBool::new(false));
    let reads = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let mut reads = 0_u64;
                    while !done.load(Relaxed) || reads == 0 {
                        for owner in &owners {
                            let devices = devices_of(&registry, owner).unwrap();
                            assert!(
                                devices
                                    .iter()
                                    .all(|d| d.registered_at_ms == devices.len() as u64)
                            );
                            reads += 1;
                        }
                    }
                    reads
                })
            })
            .collect();
        let writers: Vec<_> = owners
            .chunks(8)
            .map(|mine| {
                let (registry, start) = (&registry, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..500_u32 {
                        for owner in mine {
                            let n = round % 5 + 1;
                            let devices = (0..n).map(|i| device(i, n.into())).collect();
                            registry.set_devices(owner, devices).unwrap();
                        }
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Relaxed);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum::<u64>()
    });
    assert!(reads > 0);
    assert_eq!((registry.owners(), registry.devices()), (16, 16 * 5));
}

#[test]
fn the_registry_goes_on_after_a_panic_under_its_lock() {
    let registry = table();
    registry.register(b"bob", device(1, 0)).unwrap();
    let panicked = thread::scope(|scope| {
        scope
            .spawn(|| {
                registry
                    .with_devices(b"bob", |_, _| panic!("a caller's bug"))
                    .is_some()
            })
            .join()
    });
    assert!(panicked.is_err());
    assert!(registry.unregister(b"bob", &token(1)));
}

#[test]
fn an_owner_of_megabytes_is_known_to_be_unknown_at_once() {
    let registry = table();
    let huge = vec![b'a'; MAX_OWNER_LEN + 1];
    assert!(!registry.unregister(&huge, &token(1)));
    assert!(!registry.forget_owner(&huge));
    assert_eq!(registry.with_devices(&huge, |_, _| ()), None);
}

#[test]
fn clearing_forgets_all_and_leaves_room() {
    let registry = Registry::with_bounds(RegistryKind::Table, 2, 2);
    for owner in [b"a", b"b"] {
        registry.register(owner, device(1, 0)).unwrap();
    }
    registry.clear();
    assert_eq!((registry.owners(), registry.devices()), (0, 0));
    registry.register(b"c", device(1, 0)).unwrap();
}
