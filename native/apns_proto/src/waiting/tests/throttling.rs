//! Devices that Apple throttles.

use super::super::holds::MAX_IDLE;
use super::*;

/// Device 1 is throttled for 60 seconds by the answer to its message 1.
fn throttled() -> Scene {
    let mut scene = Scene::new();
    scene.message(1, 1, None);
    let first = scene.pop();
    let until = scene.after(60);
    assert_eq!(scene.waiting.hold_device(scene.now, first, until), None);
    scene
}

#[test]
fn a_throttled_device_waits_and_the_others_go() {
    let mut scene = throttled();
    for (name, device) in [(2, 1), (3, 2), (4, 1), (5, 2)] {
        assert_eq!(scene.message(name, device, None), None);
    }
    assert_eq!(scene.pop_all(), [3, 5]);
    assert_eq!((scene.waiting.len(), scene.waiting.held()), (3, 3));
    scene.advance(59);
    assert_eq!(scene.pop_all(), NOBODY);
    assert_eq!(scene.message(6, 1, None), None);
    scene.advance(1);
    assert_eq!(scene.pop_all(), [1, 2, 4, 6]);
    assert_eq!(scene.message(7, 1, None), None);
    assert_eq!(scene.pop_all(), [7]);
}

#[test]
fn the_newest_wins_among_those_of_a_throttled_device_in_any_lane() {
    let mut scene = throttled();
    scene.message(2, 1, Some(b'a'));
    scene.message(3, 1, None);
    assert_eq!(scene.pop_all(), NOBODY);
    assert_eq!(scene.message(4, 1, Some(b'a')), Some(2));
    let call = scene.item(5, Lane::Call, 1, Some(b'a'));
    assert_eq!(scene.push(call), Some(4));
    assert_eq!(scene.pop_all(), NOBODY);
    scene.advance(60);
    assert_eq!(scene.pop_all(), [5, 1, 3]);
}

#[test]
fn those_that_come_back_stand_before_those_that_never_left() {
    let mut scene = Scene::new();
    for name in 1..=5 {
        scene.message(name, 1, None);
    }
    let in_flight: Vec<_> = (0..3).map(|_| scene.pop()).collect();
    let until = scene.after(10);
    for (turn, item) in in_flight.into_iter().enumerate() {
        // One is refused and not throttled: it comes back all the same.
        let ended = if turn == 1 {
            scene.waiting.push_again(scene.now, item)
        } else {
            scene.waiting.hold_device(scene.now, item, until)
        };
        assert_eq!(ended, None);
        assert_eq!(scene.pop_all(), NOBODY);
    }
    scene.advance(10);
    assert_eq!(scene.pop_all(), [1, 2, 3, 4, 5]);
}

#[test]
fn the_longest_delay_counts() {
    for delays in [[60, 10], [10, 60]] {
        let mut scene = Scene::new();
        scene.message(1, 1, None);
        scene.message(2, 1, None);
        let (first, second) = (scene.pop(), scene.pop());
        for (item, seconds) in [(first, delays[0]), (second, delays[1])] {
            let until = scene.after(seconds);
            assert_eq!(scene.waiting.hold_device(scene.now, item, until), None);
        }
        scene.advance(59);
        assert_eq!(scene.pop_all(), NOBODY);
        scene.advance(1);
        assert_eq!(scene.pop_all(), [1, 2]);
    }
}

#[test]
fn a_device_waits_though_the_push_that_was_throttled_is_superseded_or_gone() {
    let mut scene = Scene::new();
    scene.message(1, 1, Some(b'a'));
    let first = scene.pop();
    scene.message(2, 1, Some(b'a'));
    let until = scene.after(60);
    let ended = scene.waiting.hold_device(scene.now, first, until);
    assert_eq!(ended.map(|item| item.name), Some(1));
    assert_eq!(scene.pop_all(), NOBODY);
    let gone = Item {
        give_up_at: scene.after(5),
        ..scene.item(3, Lane::Message, 1, Some(b'a'))
    };
    assert_eq!(scene.push(gone), Some(2));
    assert_eq!(scene.advance(6), [3]);
    assert!(scene.waiting.is_empty());
    assert_eq!(scene.message(4, 1, None), None);
    assert_eq!(scene.pop_all(), NOBODY);
    scene.advance(54);
    assert_eq!(scene.pop_all(), [4]);
}

#[test]
fn only_so_many_devices_are_remembered_for_whom_nothing_waits() {
    let mut scene = Scene::new();
    let devices = MAX_IDLE as u32 + 100;
    for name in 0..devices {
        let item = Item {
            token: DeviceToken::from_bytes(&name.to_be_bytes()).unwrap(),
            give_up_at: scene.after(5),
            ..scene.item(name, Lane::Message, 0, None)
        };
        scene.push(item);
        let item = scene.pop();
        let until = scene.after(3600);
        assert_eq!(scene.waiting.hold_device(scene.now, item, until), None);
    }
    assert_eq!(scene.waiting.held(), devices as usize);
    assert_eq!(scene.advance(6).len(), devices as usize);
    assert_eq!(scene.waiting.holds.len(), MAX_IDLE);
    let mut more = Vec::new();
    for name in 0..devices {
        let item = Item {
            token: DeviceToken::from_bytes(&name.to_be_bytes()).unwrap(),
            ..scene.item(name, Lane::Message, 0, None)
        };
        scene.push(item);
        more.extend(scene.waiting.pop());
    }
    assert_eq!(more.len(), 100);
    scene.advance(3600);
    assert_eq!(scene.waiting.holds.len(), 0);
}
