//! Random histories, played beside a model that does everything by looking at everything.

use std::collections::VecDeque;

use proptest::prelude::*;

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
        3 => (which.clone(), 0..5000u64).prop_map(|(which, ms)| Step::Hold(which, ms)),
        3 => (which, 0..5000u64).prop_map(|(which, ms)| Step::HoldDevice(which, ms)),
        6 => (0..3000u64).prop_map(Step::Advance),
        1 => (-30_000..30_000i64).prop_map(Step::SetClock),
        1 => Just(Step::TakeAll),
    ]
}

#[derive(Debug, Default)]
struct Model {
    lanes: [VecDeque<Item>; 3],
    /// In the order in which they were made.
    holds: Vec<ModelHold>,
}

#[derive(Debug)]
struct ModelHold {
    due: Instant,
    device: Option<u8>,
    items: VecDeque<Item>,
}

/// Where the model keeps an item: in a hold or a lane, and the place there.
enum Place {
    Held(usize, usize),
    Queued(usize, usize),
}

impl Model {
    fn lane(&mut self, item: &Item) -> &mut VecDeque<Item> {
        &mut self.lanes[item.lane as usize]
    }

    fn find(&self, wanted: impl Fn(&Item) -> bool) -> Option<Place> {
        let queued = self.lanes.iter().enumerate().find_map(|(lane, items)| {
            let place = items.iter().position(&wanted)?;
            Some(Place::Queued(lane, place))
        });
        let held = || {
            self.holds.iter().enumerate().find_map(|(hold, held)| {
                let place = held.items.iter().position(&wanted)?;
                Some(Place::Held(hold, place))
            })
        };
        queued.or_else(held)
    }

    fn find_key(&self, of: &Item) -> Option<Place> {
        of.key?;
        self.find(|item| (item.device, item.key) == (of.device, of.key))
    }

    fn get_mut(&mut self, place: &Place) -> &mut Item {
        match *place {
            Place::Queued(lane, place) => &mut self.lanes[lane][place],
            Place::Held(hold, place) => &mut self.holds[hold].items[place],
        }
    }

    fn remove(&mut self, place: &Place) -> Item {
        let removed = match *place {
            Place::Queued(lane, place) => self.lanes[lane].remove(place),
            Place::Held(hold, place) => self.holds[hold].items.remove(place),
        };
        self.holds
            .retain(|hold| hold.device.is_some() || !hold.items.is_empty());
        removed.unwrap()
    }

    fn of_device(&mut self, device: u8) -> Option<&mut ModelHold> {
        let mut holds = self.holds.iter_mut();
        holds.find(|hold| hold.device == Some(device))
    }

    fn push(&mut self, item: Item) -> Option<u32> {
        let Some(place) = self.find_key(&item) else {
            self.lane(&item).push_back(item);
            return None;
        };
        let in_place = match place {
            Place::Queued(lane, _) => lane == item.lane as usize,
            Place::Held(hold, _) => self.holds[hold].device.is_some(),
        };
        if in_place {
            return Some(std::mem::replace(self.get_mut(&place), item).name);
        }
        let older = self.remove(&place);
        match place {
            Place::Queued(..) => self.lane(&item).push_back(item),
            Place::Held(..) => self.queue_in_front(item),
        }
        Some(older.name)
    }

    fn pop(&mut self) -> Option<Item> {
        loop {
            let item = self.lanes.iter_mut().find_map(VecDeque::pop_front)?;
            match self.of_device(item.device) {
                Some(hold) => hold.items.push_back(item),
                None => return Some(item),
            }
        }
    }

    /// `Err` is the item itself, `Ok` an older one: who ends superseded.
    fn make_way(&mut self, item: &Item) -> Result<Option<u32>, u32> {
        let Some(place) = self.find_key(item) else {
            return Ok(None);
        };
        if self.get_mut(&place).order > item.order {
            return Err(item.name);
        }
        Ok(Some(self.remove(&place).name))
    }

    fn push_again(&mut self, item: Item) -> Option<u32> {
        let superseded = match self.make_way(&item) {
            Err(itself) => return Some(itself),
            Ok(older) => older,
        };
        self.queue_in_front(item);
        superseded
    }

    fn hold(&mut self, item: Item, due: Instant) -> Option<u32> {
        let superseded = match self.make_way(&item) {
            Err(itself) => return Some(itself),
            Ok(older) => older,
        };
        self.holds.push(ModelHold {
            due,
            device: None,
            items: [item].into(),
        });
        superseded
    }

    fn hold_device(&mut self, item: Item, due: Instant) -> Option<u32> {
        match self.of_device(item.device) {
            Some(hold) => hold.due = hold.due.max(due),
            None => self.holds.push(ModelHold {
                due,
                device: Some(item.device),
                items: VecDeque::new(),
            }),
        }
        self.push_again(item)
    }

    fn queue_in_front(&mut self, item: Item) {
        match self.of_device(item.device) {
            Some(hold) => {
                let newer = hold.items.iter().position(|other| other.order > item.order);
                let place = newer.unwrap_or(hold.items.len());
                hold.items.insert(place, item);
            }
            None => self.lane(&item).push_front(item),
        }
    }

    fn release(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.holds);
        let (mut due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|hold| hold.due <= now);
        self.holds = later;
        due.sort_by_key(|hold| hold.due);
        let items: Vec<_> = due.into_iter().flat_map(|hold| hold.items).collect();
        for item in items.into_iter().rev() {
            self.queue_in_front(item);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Item> {
        let held = self.holds.iter().flat_map(|hold| &hold.items);
        self.lanes.iter().flatten().chain(held)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        let held = self.holds.iter_mut().flat_map(|hold| &mut hold.items);
        self.lanes.iter_mut().flatten().chain(held)
    }

    fn held(&self) -> usize {
        self.holds.iter().map(|hold| hold.items.len()).sum()
    }
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

/// The width of a bucket, and the difference between the clocks that is let pass.
const LATEST: Duration = Duration::from_millis(1500);

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
