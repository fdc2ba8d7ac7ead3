//! Items whose time is over.

use super::*;

#[test]
fn overdue_items_end_within_a_second_wherever_they_wait() {
    let mut scene = Scene::new();
    let expiring = |scene: &Scene, name, device, seconds: u64| Item {
        expires_at_ms: Some(scene.now.unix_ms + seconds * 1000),
        ..scene.item(name, Lane::Message, device, None)
    };
    for (name, device, seconds) in [(1, 1, 60), (2, 2, 60), (3, 3, 60), (4, 4, 5000)] {
        let item = Item {
            give_up_at: scene.after(6000),
            ..expiring(&scene, name, device, seconds)
        };
        assert_eq!(scene.push(item), None);
    }
    let given_up = Item {
        give_up_at: scene.after(60),
        ..scene.item(5, Lane::Message, 5, None)
    };
    scene.push(given_up);
    let (alone, throttled) = (scene.pop(), scene.pop());
    let until = scene.after(10_000);
    assert_eq!(scene.waiting.hold(scene.now, alone, until), None);
    assert_eq!(scene.waiting.hold_device(scene.now, throttled, until), None);
    assert_eq!(scene.advance(59), NOBODY);
    let mut ended = scene.advance(2);
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 3, 5]);
    assert_eq!(scene.advance(4938), NOBODY);
    assert_eq!(scene.advance(2), [4]);
    assert!(scene.waiting.is_empty());
}

#[test]
fn expirations_follow_the_wall_clock_when_it_is_set() {
    let mut scene = Scene::new();
    let item = Item {
        expires_at_ms: Some(scene.now.unix_ms + 1_800_000),
        ..scene.item(1, Lane::Message, 1, None)
    };
    assert_eq!(scene.push(item.clone()), None);
    scene.now.unix_ms += 1_799_000;
    assert_eq!(scene.advance(2), [1]);
    assert_eq!(scene.push(item.clone()), None);
    scene.now.unix_ms -= 1_801_000;
    assert_eq!(scene.advance(1), NOBODY);
    assert_eq!(scene.advance(1798), NOBODY);
    assert_eq!(scene.advance(3), [1]);
}

#[test]
fn an_item_that_comes_while_the_clock_is_wrong_for_a_moment_ends_in_time() {
    let mut scene = Scene::new();
    let item = Item {
        expires_at_ms: Some(scene.now.unix_ms + 2_000),
        ..scene.item(1, Lane::Message, 1, None)
    };
    scene.now.unix_ms -= 30_000;
    assert_eq!(scene.push(item), None);
    scene.now.unix_ms += 30_000;
    assert_eq!(scene.advance(3), [1]);
}

#[test]
fn the_search_for_overdue_items_looks_at_no_others() {
    let mut scene = Scene::new();
    for name in 0..1000 {
        let item = Item {
            give_up_at: scene.after(u64::from(name) + 3000),
            ..scene.item(name, Lane::Message, 1, None)
        };
        assert_eq!(scene.push(item), None);
    }
    assert_eq!(scene.advance(2999), NOBODY);
    let all = scene.waiting.take_all();
    assert_eq!(all.len(), 1000);
    assert!(all.iter().all(|item| item.looks.get() == 1));
}

#[test]
fn after_a_long_silence_the_search_goes_on() {
    let mut scene = Scene::new();
    scene.now.instant += Duration::from_secs(100_000);
    scene.now.unix_ms += 100_000_000;
    assert_eq!(scene.message(1, 1, None), None);
    assert_eq!(scene.advance(3599), NOBODY);
    assert_eq!(scene.advance(2), [1]);
}
