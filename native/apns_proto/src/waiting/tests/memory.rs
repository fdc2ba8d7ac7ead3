//! What waiting costs, and that it is given back.

use std::sync::Arc;

use super::super::entry::Entry;
use super::super::slab::Slab;
use super::*;
use crate::session::Push;

/// A push of a device and a key of its own.
fn keyed(scene: &Scene, name: u32) -> Item {
    Item {
        token: DeviceToken::from_bytes(&name.to_be_bytes()).unwrap(),
        ..scene.item(name, Lane::Message, 0, Some(b'a'))
    }
}

#[test]
fn a_waiting_push_costs_few_bytes() {
    /// With an owner and an Erlang pid, as in the engine.
    type Inside = Push<(Option<Arc<[u8]>>, Option<u64>)>;
    assert!(size_of::<Inside>() <= 168, "{}", size_of::<Inside>());
    let place = Slab::<Entry<Box<Inside>>>::BYTES_EACH;
    assert!(place <= 40, "{place}");
}

#[test]
fn a_passed_burst_gives_its_memory_back_and_disturbs_nobody() {
    let mut scene = Scene::new();
    for name in 0..50_000 {
        let item = keyed(&scene, name);
        assert_eq!(scene.push(item), None);
        if name % 10 == 0 {
            let item = scene.pop();
            let until = scene.after(7200);
            assert_eq!(scene.waiting.hold(scene.now, item, until), None);
        }
    }
    let peak = scene.waiting.entries.bytes();
    let index_peak = scene.waiting.index.bytes();
    assert!(index_peak <= 8 * 50_000, "{index_peak}");
    for _ in 0..44_000 {
        scene.pop();
    }
    assert_eq!(scene.advance(1), NOBODY);
    assert!(scene.waiting.entries.bytes() < peak / 4);
    assert!(scene.waiting.index.bytes() < index_peak / 4);
    assert_eq!(scene.waiting.len(), 6000);
    let again = keyed(&scene, 49_999);
    assert_eq!(scene.push(again), Some(49_999), "keys are still known");
    let held = keyed(&scene, 0);
    assert_eq!(scene.push(held), Some(0), "those of held ones too");
    let order = scene.pop_all();
    assert_eq!(order.len(), 1001);
    assert!(order[1..].is_sorted());
    assert_eq!(scene.advance(3600).len(), 4999);
    assert!(scene.waiting.is_empty());
}

#[test]
fn a_stream_of_pushes_that_never_pile_up_needs_no_more_memory_than_one() {
    let mut scene = Scene::new();
    let mut bytes = Vec::new();
    for name in 0..10_000 {
        let item = keyed(&scene, name);
        assert_eq!(scene.push(item), None);
        scene.pop();
        bytes.push(scene.waiting.entries.bytes() + scene.waiting.index.bytes());
    }
    assert_eq!(bytes.first(), bytes.last());
}
