//! Random histories, played beside a model that does everything by looking at everything.

use proptest::prelude::*;

use super::model::Model;
use super::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Push {
        lane: Lane,
        device: u8,
        key: Option<u8>,
        give_up_ms: u64,
        expires_ms: Option<u64>,
    },
    Pop,
    /// Something in flight ends.
    End(usize),
    PushAgain(usize),
    TakeOver(usize),
    Overtake(usize),
    Hold(usize, u64),
    HoldDevice(usize, u64),
    Advance(u64),
    /// Somebody sets the wall clock.
    SetClock(i64),
    TakeAll,
}

fn step() -> impl Strategy<Value = Step> {
    let lane = prop_oneof![
        Just(Lane::Call),
        Just(Lane::Message),
        Just(Lane::Message),
        Just(Lane::Background)
    ];
    let push = (
        lane,
        0..3u8,
        proptest::option::of(b'a'..b'd'),
        100..20_000u64,
        proptest::option::of(0..20_000u64),
    )
        .prop_map(|(lane, device, key, give_up_ms, expires_ms)| Step::Push {
            lane,
            device,
            key,
            give_up_ms,
            expires_ms,
        });
    let which = 0..1000usize;
    prop_oneof![
        12 => push,
        8 => Just(Step::Pop),
        2 => which.clone().prop_map(Step::End),
        3 => which.clone().prop_map(Step::PushAgain),
        2 => which.clone().prop_map(Step::TakeOver),
        1 => which.clone().prop_map(Step::Overtake),
        3 => (which.clone(), 0..5000u64).prop_map(|(which, ms)| Step::Hold(which, ms)),
        3 => (which, 0..5000u64).prop_map(|(which, ms)| Step::HoldDevice(which, ms)),
        6 => (0..3000u64).prop_map(Step::Advance),
        1 => (-30_000..30_000i64).prop_map(Step::SetClock),
        1 => Just(Step::TakeAll),
    ]
}

/// Both sides, and what is with Apple.
struct Play<S> {
    now: Now,
    waiting: Waiting<Item, S>,
    model: Model,
    in_flight: Vec<Item>,
    came: u32,
    /// Ended, superseded or overdue.
    gone: u32,
}

impl<S: BuildHasher + Clone + Default> Play<S> {
    fn new() -> Self {
        let now = Now {
            instant: Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        Self {
            now,
            waiting: Waiting::new(now, S::default()),
            model: Model::default(),
            in_flight: Vec::new(),
            came: 0,
            gone: 0,
        }
    }

    fn take_in_flight(&mut self, which: usize) -> Option<Item> {
        let count = self.in_flight.len();
        (count > 0).then(|| Item {
            since: self.now.instant,
            ..self.in_flight.remove(which % count)
        })
    }

    fn superseded(&mut self, real: Option<Item>, model: Option<u32>) {
        assert_eq!(real.map(|item| item.name), model, "superseded");
        self.gone += u32::from(model.is_some());
    }

    fn play(&mut self, step: Step) {
        let now = self.now;
        let at = |ms| now.instant + Duration::from_millis(ms);
        match step {
            Step::Push {
                lane,
                device,
                key,
                give_up_ms,
                expires_ms,
            } => {
                self.came += 1;
                let item = Item {
                    give_up_at: at(give_up_ms),
                    expires_at_ms: expires_ms.map(|ms| now.unix_ms + ms),
                    order: u64::from(self.came),
                    ..Item::new(self.came, lane, device, key, now)
                };
                let real = self.waiting.push(now, item.clone());
                let model = self.model.push(item);
                self.superseded(real, model);
            }
            Step::Pop => {
                let (real, model) = (self.waiting.pop(), self.model.pop());
                let name = |item: &Option<Item>| item.as_ref().map(|item| item.name);
                assert_eq!(name(&real), name(&model), "popped");
                self.in_flight.extend(real);
            }
            Step::End(which) => {
                self.gone += u32::from(self.take_in_flight(which).is_some());
            }
            Step::PushAgain(which) => {
                if let Some(item) = self.take_in_flight(which) {
                    let model = self.model.push_again(item.clone());
                    let real = self.waiting.push_again(now, item);
                    self.superseded(real, model);
                }
            }
            Step::TakeOver(which) => {
                if let Some(item) = self.take_in_flight(which) {
                    let model = self.model.take_over(item.clone());
                    let real = self.waiting.take_over(now, item);
                    self.superseded(real, model);
                }
            }
            Step::Overtake(which) => {
                if let Some(item) = self.take_in_flight(which) {
                    let model = self.model.overtake(&item);
                    let real = self.waiting.overtake(item.clone());
                    let ended = match real {
                        Ok((item, older)) => {
                            self.in_flight.push(item);
                            Ok(older.map(|older| older.name))
                        }
                        Err(itself) => Err(itself.name),
                    };
                    assert_eq!(ended, model, "overtaken");
                    self.gone += u32::from(ended != Ok(None));
                }
            }
            Step::Hold(which, ms) => {
                if let Some(item) = self.take_in_flight(which) {
                    let model = self.model.hold(item.clone(), at(ms));
                    let real = self.waiting.hold(now, item, at(ms));
                    self.superseded(real, model);
                }
            }
            Step::HoldDevice(which, ms) => {
                if let Some(item) = self.take_in_flight(which) {
                    let model = self.model.hold_device(item.clone(), at(ms));
                    let real = self.waiting.hold_device(now, item, at(ms));
                    self.superseded(real, model);
                }
            }
            Step::Advance(ms) => {
                self.now.instant += Duration::from_millis(ms);
                self.now.unix_ms += ms;
                self.look();
            }
            Step::SetClock(ms) => {
                self.now.unix_ms = self.now.unix_ms.saturating_add_signed(ms);
                for item in self.model.all_mut() {
                    item.since = now.instant;
                }
            }
            Step::TakeAll => {
                let mut model: Vec<_> = self.model.all().map(|item| item.name).collect();
                model.sort_unstable();
                let real: Vec<_> = self
                    .waiting
                    .take_all()
                    .iter()
                    .map(|item| item.name)
                    .collect();
                assert_eq!(real, model);
                self.model = Model::default();
                self.gone += model.len() as u32;
            }
        }
        self.compare();
    }

    /// The timers' turn: what ends is overdue, and what is overdue for long has ended.
    fn look(&mut self) {
        let now = self.now;
        self.model.release(now.instant);
        for item in self.waiting.handle_timeout(now) {
            assert!(item.deadline(now) <= now.instant, "ended too early");
            let place = self.model.find(|other| other.name == item.name);
            self.model.remove(&place.expect("an item that waits"));
            self.gone += 1;
        }
        for item in self.model.all() {
            let late = item.overdue_for(now);
            assert!(late < LATEST, "{item:?} is late by {late:?}");
        }
    }

    fn compare(&self) {
        let waiting = self.model.all().count();
        assert_eq!(self.waiting.len(), waiting);
        assert_eq!(self.waiting.held(), self.model.held());
        let in_lanes = self.waiting.in_lanes().map(|(_, count)| count);
        assert_eq!(in_lanes, self.model.in_lanes());
        assert_eq!(
            self.came as usize,
            waiting + self.in_flight.len() + self.gone as usize,
            "in = out + superseded + overdue + waiting"
        );
        let due = self.model.holds.iter().map(|hold| hold.due).min();
        let next = self.waiting.poll_timeout();
        assert_eq!(next.is_some(), waiting > 0 || due.is_some());
        assert!(due.is_none_or(|due| next <= Some(due)));
        let within_a_second = self.now.instant + Duration::from_secs(1);
        assert!(waiting == 0 || next <= Some(within_a_second));
    }

    fn finish(mut self) {
        for _ in 0..200 {
            self.play(Step::Pop);
        }
        for _ in 0..10 {
            self.play(Step::Advance(2500));
        }
        assert!(self.waiting.is_empty());
        assert_eq!(self.waiting.poll_timeout(), None);
    }
}

/// The width of a bucket, and twice the difference between the clocks that is let pass: an item may come while the wall
/// clock is that much behind, and end while it is that much ahead.
const LATEST: Duration = Duration::from_millis(2000);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn waiting_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..150)) {
        let mut play = Play::<Hasher>::new();
        for step in steps {
            play.play(step);
        }
        play.finish();
    }

    #[test]
    fn keys_of_equal_hash_are_told_apart(steps in proptest::collection::vec(step(), 1..150)) {
        let mut play = Play::<NoHash>::new();
        for step in steps {
            play.play(step);
        }
        play.finish();
    }
}
