//! The rules of waiting, one by one; [`laws`] plays random histories.

mod laws;
mod memory;
mod model;
mod overdue;
mod throttling;

use std::cell::Cell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::{Duration, Instant};

use super::{Waiter, Waiting};
use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::lanes::Lane;
use crate::now::Now;

pub(crate) type Hasher = BuildHasherDefault<DefaultHasher>;

pub(super) const NOBODY: [u32; 0] = [];

/// A push without its content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) name: u32,
    pub(super) lane: Lane,
    pub(super) device: u8,
    token: DeviceToken,
    pub(super) key: Option<u8>,
    collapse_id: Option<CollapseId>,
    pub(super) give_up_at: Instant,
    pub(super) expires_at_ms: Option<u64>,
    pub(super) order: u64,
    /// When it came, or came back, or the clock was set: nobody can find earlier that it is overdue.
    pub(super) since: Instant,
    looks: Cell<u32>,
}

impl Item {
    pub(super) fn new(name: u32, lane: Lane, device: u8, key: Option<u8>, now: Now) -> Self {
        Self {
            name,
            lane,
            device,
            token: DeviceToken::from_bytes(&[device; 32]).unwrap(),
            key,
            collapse_id: key.map(|key| CollapseId::parse(&[key]).unwrap()),
            give_up_at: now.instant + Duration::from_secs(3600),
            expires_at_ms: None,
            order: 0,
            since: now.instant,
            looks: Cell::new(0),
        }
    }

    /// How long it could have been known that it is overdue.
    pub(super) fn overdue_for(&self, now: Now) -> Duration {
        let by_clock = self
            .expires_at_ms
            .map_or(0, |at| now.unix_ms.saturating_sub(at));
        let by_patience = now.instant.saturating_duration_since(self.give_up_at);
        let known = now.instant.saturating_duration_since(self.since);
        by_patience.max(Duration::from_millis(by_clock)).min(known)
    }
}

impl Waiter for Item {
    fn lane(&self) -> Lane {
        self.lane
    }

    fn device_token(&self) -> &DeviceToken {
        &self.token
    }

    fn collapse_id(&self) -> Option<&CollapseId> {
        self.collapse_id.as_ref()
    }

    fn deadline(&self, now: Now) -> Instant {
        self.looks.set(self.looks.get() + 1);
        let expires_in = self
            .expires_at_ms
            .map(|at| Duration::from_millis(at.saturating_sub(now.unix_ms)));
        expires_in.map_or(self.give_up_at, |left| {
            self.give_up_at.min(now.instant + left)
        })
    }

    fn order(&self) -> u64 {
        self.order
    }

    fn set_order(&mut self, order: u64) {
        self.order = order;
    }
}

/// Items that wait under a virtual clock.
pub(super) struct Scene {
    pub(super) now: Now,
    pub(super) waiting: Waiting<Item, Hasher>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let now = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        let waiting = Waiting::new(now, Hasher::default());
        Self { now, waiting }
    }

    pub(super) fn item(&self, name: u32, lane: Lane, device: u8, key: Option<u8>) -> Item {
        Item::new(name, lane, device, key, self.now)
    }

    /// Queues a message; returns who was superseded.
    pub(super) fn message(&mut self, name: u32, device: u8, key: Option<u8>) -> Option<u32> {
        let item = self.item(name, Lane::Message, device, key);
        self.push(item)
    }

    pub(super) fn push(&mut self, item: Item) -> Option<u32> {
        self.waiting.push(self.now, item).map(|item| item.name)
    }

    pub(super) fn after(&self, seconds: u64) -> Instant {
        self.now.instant + Duration::from_secs(seconds)
    }

    /// Turns the clocks on, looking in every half second; returns who ended.
    pub(super) fn advance(&mut self, seconds: u64) -> Vec<u32> {
        let mut ended = Vec::new();
        for _ in 0..2 * seconds {
            self.now.instant += Duration::from_millis(500);
            self.now.unix_ms += 500;
            let overdue = self.waiting.handle_timeout(self.now);
            ended.extend(overdue.into_iter().map(|item| item.name));
        }
        ended
    }

    pub(super) fn pop(&mut self) -> Item {
        self.waiting.pop().expect("something to send")
    }

    /// Takes all that may be sent.
    pub(super) fn pop_all(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.waiting.pop())
            .map(|item| item.name)
            .collect()
    }
}

#[test]
fn a_late_call_overtakes_messages_and_they_overtake_background_pushes() {
    let mut scene = Scene::new();
    for (name, lane) in [
        (1, Lane::Background),
        (2, Lane::Message),
        (3, Lane::Message),
        (4, Lane::Call),
    ] {
        let item = scene.item(name, lane, 1, None);
        assert_eq!(scene.push(item), None);
    }
    assert_eq!(scene.pop_all(), [4, 2, 3, 1]);
    assert!(scene.waiting.is_empty());
}

#[test]
fn the_newest_with_a_key_takes_the_place_of_the_older_however_often() {
    let mut scene = Scene::new();
    scene.message(1, 1, Some(b'a'));
    scene.message(2, 2, None);
    for name in 3..100 {
        let older = if name == 3 { 1 } else { name - 1 };
        assert_eq!(scene.message(name, 1, Some(b'a')), Some(older));
    }
    assert_eq!(scene.pop_all(), [99, 2]);
}

#[test]
fn only_the_same_device_and_collapse_id_supersede() {
    let mut scene = Scene::new();
    for (name, device, key) in [
        (1, 1, None),
        (2, 1, None),
        (3, 1, Some(b'a')),
        (4, 1, Some(b'b')),
        (5, 2, Some(b'a')),
    ] {
        assert_eq!(scene.message(name, device, key), None);
    }
    assert_eq!(scene.pop_all(), [1, 2, 3, 4, 5]);
    // What has left does not wait.
    assert_eq!(scene.message(6, 1, Some(b'a')), None);
}

#[test]
fn a_newer_one_of_another_lane_waits_in_its_own() {
    let mut scene = Scene::new();
    scene.message(1, 1, Some(b'a'));
    scene.message(2, 2, None);
    let call = scene.item(3, Lane::Call, 3, None);
    scene.push(call);
    let background = scene.item(4, Lane::Background, 1, Some(b'a'));
    assert_eq!(scene.push(background), Some(1));
    assert_eq!(scene.pop_all(), [3, 2, 4]);
}

#[test]
fn what_had_its_turn_comes_back_to_the_front_unless_a_newer_one_waits() {
    let mut scene = Scene::new();
    scene.message(1, 1, Some(b'a'));
    scene.message(2, 2, None);
    scene.message(3, 3, None);
    let (first, second) = (scene.pop(), scene.pop());
    assert_eq!(scene.message(4, 1, Some(b'a')), None);
    assert_eq!(scene.waiting.push_again(scene.now, second), None);
    let ended = scene.waiting.push_again(scene.now, first);
    assert_eq!(ended.map(|item| item.name), Some(1));
    assert_eq!(scene.pop_all(), [2, 3, 4]);
}

#[test]
fn of_two_that_were_in_flight_the_newer_stays_whichever_comes_back_first() {
    for newer_first in [true, false] {
        let mut scene = Scene::new();
        scene.message(1, 1, Some(b'a'));
        let older = scene.pop();
        scene.message(2, 1, Some(b'a'));
        let newer = scene.pop();
        let (first, second) = if newer_first {
            (newer, older)
        } else {
            (older, newer)
        };
        assert_eq!(scene.waiting.push_again(scene.now, first), None);
        let until = scene.after(60);
        let ended = scene.waiting.hold(scene.now, second, until);
        assert_eq!(ended.map(|item| item.name), Some(1));
        scene.advance(61);
        assert_eq!(scene.pop_all(), [2]);
    }
}

#[test]
fn what_is_held_alone_comes_to_the_front_when_due_the_first_due_in_front() {
    let mut scene = Scene::new();
    for name in 1..=4 {
        scene.message(name, name as u8, None);
    }
    for seconds in [30, 10, 10] {
        let item = scene.pop();
        let until = scene.after(seconds);
        assert_eq!(scene.waiting.hold(scene.now, item, until), None);
    }
    assert_eq!((scene.waiting.held(), scene.waiting.len()), (3, 4));
    scene.advance(9);
    assert_eq!(scene.waiting.held(), 3);
    scene.advance(1);
    assert_eq!(scene.waiting.held(), 1);
    assert_eq!(scene.pop_all(), [2, 3, 4]);
    let until_due = scene.waiting.poll_timeout().unwrap();
    assert!(until_due <= scene.after(1), "the sweep goes on");
    scene.advance(20);
    assert_eq!(scene.pop_all(), [1]);
    assert_eq!(scene.waiting.poll_timeout(), None);
}

#[test]
fn a_newer_one_does_not_serve_the_delay_that_the_older_was_given() {
    let mut scene = Scene::new();
    scene.message(1, 1, Some(b'a'));
    scene.message(2, 2, None);
    let first = scene.pop();
    let until = scene.after(900);
    assert_eq!(scene.waiting.hold(scene.now, first, until), None);
    assert_eq!(scene.message(3, 1, Some(b'a')), Some(1));
    assert_eq!(scene.waiting.held(), 0);
    assert_eq!(scene.pop_all(), [3, 2]);
}

#[test]
fn everything_can_be_taken_oldest_first_and_nothing_is_remembered() {
    let mut scene = Scene::new();
    for name in 1..=4 {
        scene.message(name, 1, Some(b'a' + name as u8));
    }
    let first = scene.pop();
    let until = scene.after(900);
    assert_eq!(scene.waiting.hold_device(scene.now, first, until), None);
    let names: Vec<_> = scene
        .waiting
        .take_all()
        .iter()
        .map(|item| item.name)
        .collect();
    assert_eq!(names, [1, 2, 3, 4]);
    assert_eq!(
        (scene.waiting.len(), scene.waiting.poll_timeout()),
        (0, None)
    );
    assert_eq!(scene.message(5, 1, Some(b'b')), None);
    assert_eq!(scene.pop_all(), [5]);
}

/// Gives every key the same hash.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NoHash;

impl BuildHasher for NoHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl std::hash::Hasher for NoHash {
    fn finish(&self) -> u64 {
        7
    }

    fn write(&mut self, _: &[u8]) {}
}
