//! Laws that hold over all connections on which a push is tried: how often a device may ring for it, and that it ends once.
//!
//! A small engine obeys the verdicts on one pretended connection after the other. It decides nothing itself.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::history::credentials::{Credentials, credentials};
use super::history::world::{Ended, World, push_of};
use super::history::{Step, step};
use super::{STREAM_IDS_KEPT, Talk};
use crate::collapse_id::CollapseId;
use crate::device_token::DeviceToken;
use crate::lanes::Lane;
use crate::now::Now;
use crate::session::{FailedCause, Next, Push};
use crate::waiting::Waiting;
use crate::waiting::tests::Hasher;

/// One thing that happens. What a step leaves open is said here.
#[derive(Debug, Clone)]
struct Deed {
    step: Step,
    /// Happens on the connection before the last one.
    is_late: bool,
    /// Of what is sent.
    device: u8,
    collapse_id: Option<u8>,
    patience_s: u64,
}

fn deed() -> impl Strategy<Value = Deed> {
    let collapse_id = prop_oneof![2 => Just(None), 1 => (b'a'..=b'b').prop_map(Some)];
    let patience_s = prop_oneof![1 => Just(60), 3 => Just(3600)];
    let late = proptest::bool::weighted(0.2);
    (step(), late, 0u8..3, collapse_id, patience_s).prop_map(
        |(step, is_late, device, collapse_id, patience_s)| Deed {
            step,
            is_late,
            device,
            collapse_id,
            patience_s,
        },
    )
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Accepted,
    Rejected,
    Failed(FailedCause),
}

/// The engine without sockets, alarms and pauses.
struct Engine {
    now: Now,
    random: u64,
    credentials: Credentials,
    /// How many pushes a connection takes before its stream numbers are used up.
    pushes_each: u32,
    waiting: Waiting<Box<Push<u32>>, Hasher>,
    /// The last one takes pushes, unless it is retired; the others may still answer.
    worlds: Vec<World>,
    /// Of each push that was taken: whether a second copy shows as one.
    may_double: Vec<bool>,
    ends: BTreeMap<u32, End>,
}

impl Engine {
    fn new(credentials: Credentials, pushes_each: u32) -> Self {
        let now = Now {
            instant: std::time::Instant::now(),
            unix_ms: 1_800_000_000_000,
        };
        Self {
            now,
            random: 0,
            credentials,
            pushes_each,
            waiting: Waiting::new(now, Hasher::default()),
            worlds: Vec::new(),
            may_double: Vec::new(),
            ends: BTreeMap::new(),
        }
    }

    fn play(&mut self, deed: &Deed) -> Result<(), TestCaseError> {
        match deed.step {
            Step::Send { call, len } => self.notify(deed, call, len)?,
            Step::Silence(seconds) | Step::Life(seconds) => self.pass(&deed.step, seconds)?,
            _ => {
                let newest = self.worlds.len().checked_sub(1);
                let at = newest.and_then(|newest| newest.checked_sub(deed.is_late.into()));
                if let Some(at) = at {
                    self.worlds[at].play(&deed.step)?;
                }
            }
        }
        self.turn()
    }

    fn pass(&mut self, step: &Step, seconds: u64) -> Result<(), TestCaseError> {
        for world in &mut self.worlds {
            world.play(step)?;
        }
        self.now.instant += Duration::from_secs(seconds);
        self.now.unix_ms += seconds * 1000;
        Ok(())
    }

    fn notify(&mut self, deed: &Deed, call: bool, len: usize) -> Result<(), TestCaseError> {
        let number = self.may_double.len() as u32 + 1;
        let mut push = push_of(number, call, len, self.now);
        push.request.device_token = DeviceToken::from_bytes(&[deed.device; 32]).unwrap();
        push.give_up_at = self.now.instant + Duration::from_secs(deed.patience_s);
        let content = &mut push.request.content;
        content.headers.collapse_id = deed.collapse_id.map(|id| CollapseId::parse(&[id]).unwrap());
        let is_call = Lane::of(&content.headers) == Lane::Call;
        self.may_double.push(is_call || deed.collapse_id.is_some());
        let superseded = self.waiting.push(self.now, push);
        self.supersede(superseded)
    }

    /// A turn of the loop.
    fn turn(&mut self) -> Result<(), TestCaseError> {
        let mut ended = Vec::new();
        for world in &mut self.worlds {
            ended.extend(world.take_outcomes()?);
        }
        self.settle(ended)?;
        for push in self.waiting.handle_timeout(self.now) {
            let cause = push.overdue(self.now);
            prop_assert!(cause.is_some(), "given up too early");
            self.end(&push, End::Failed(cause.unwrap_or(FailedCause::Expired)))?;
        }
        self.fill()
    }

    /// What the verdicts say of tries that have ended.
    fn settle(&mut self, ended: Vec<Ended>) -> Result<(), TestCaseError> {
        let mut again = Vec::new();
        for (mut push, fate) in ended {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005) + 1;
            match push.next(&fate, self.now, self.random) {
                Next::Accepted => self.end(&push, End::Accepted)?,
                Next::Rejected => self.end(&push, End::Rejected)?,
                Next::Failed(cause) => self.end(&push, End::Failed(cause))?,
                next => again.push((push, next)),
            }
        }
        for (push, next) in again.into_iter().rev() {
            let now = self.now;
            let superseded = match next {
                Next::Resend { after } if !after.is_zero() => {
                    self.waiting.hold(now, push, now.instant + after)
                }
                Next::ResendToDevice { after } => {
                    self.waiting.hold_device(now, push, now.instant + after)
                }
                _ => self.waiting.push_again(now, push),
            };
            self.supersede(superseded)?;
        }
        Ok(())
    }

    /// Sends what fits, on another connection when the last one takes no more.
    fn fill(&mut self) -> Result<(), TestCaseError> {
        while let Some(push) = self.waiting.pop() {
            if let Some(cause) = push.overdue(self.now) {
                self.end(&push, End::Failed(cause))?;
                continue;
            }
            let world = self.serving();
            if let Err(push) = world.offer(push)? {
                let is_full = !world.talk.session.is_retired();
                let superseded = self.waiting.push_again(self.now, push);
                self.supersede(superseded)?;
                if is_full {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The connection that takes pushes.
    fn serving(&mut self) -> &mut World {
        let serves = |world: &World| !world.talk.session.is_retired();
        if !self.worlds.last().is_some_and(serves) {
            let mut talk = Talk::begin_at(self.credentials.authentication, self.now);
            let left = STREAM_IDS_KEPT - 1 + self.pushes_each;
            talk.session.http2.spend_stream_ids(left);
            self.worlds
                .push(World::over(talk, self.credentials.clone()));
        }
        self.worlds.last_mut().unwrap()
    }

    fn supersede(&mut self, push: Option<Box<Push<u32>>>) -> Result<(), TestCaseError> {
        let Some(push) = push else { return Ok(()) };
        self.end(&push, End::Failed(FailedCause::Superseded))
    }

    fn end(&mut self, push: &Push<u32>, end: End) -> Result<(), TestCaseError> {
        let number = push.context;
        let earlier = self.ends.insert(number, end);
        prop_assert_eq!(earlier, None, "{} ended twice, now {:?}", number, end);
        Ok(())
    }

    /// All connections are cut, and all that follow are good.
    fn come_to_rest(&mut self) -> Result<(), TestCaseError> {
        for world in &mut self.worlds {
            world.play(&Step::Cut(false))?;
        }
        self.turn()?;
        for _ in 0..ROUNDS {
            if self.ends.len() == self.may_double.len() {
                break;
            }
            for world in self.worlds.iter_mut().filter(|world| !world.is_cut) {
                world.play(&Step::Token)?;
                world.write(usize::MAX)?;
                world.server_reads(usize::MAX);
                world.server.accept_all();
                world.server.credit(0, 50_000);
                world.deliver(usize::MAX);
            }
            let seconds = self.seconds_of_rest();
            self.pass(&Step::Silence(seconds), seconds)?;
            self.turn()?;
        }
        Ok(())
    }

    /// Until something is due, where all that is inside waits for its moment.
    fn seconds_of_rest(&self) -> u64 {
        let in_flight: usize = self
            .worlds
            .iter()
            .map(|world| world.talk.session.in_flight())
            .sum();
        let due = self.waiting.poll_timeout();
        match due {
            Some(due) if in_flight + self.waiting.queued() == 0 => {
                due.saturating_duration_since(self.now.instant).as_secs() + 1
            }
            _ => 1,
        }
    }

    fn judge(&mut self) -> Result<(), TestCaseError> {
        let mut rung = BTreeMap::<u32, usize>::new();
        for world in &mut self.worlds {
            world.judge()?;
            for number in world.may_have_rung() {
                *rung.entry(number).or_default() += 1;
            }
        }
        for (number, may_double) in (1..).zip(&self.may_double) {
            let rung = rung.get(&number).copied().unwrap_or_default();
            let end = self.ends.get(&number);
            prop_assert!(end.is_some(), "{number} never ended");
            prop_assert!(
                rung <= 1 + usize::from(*may_double),
                "{number} rang {rung} times"
            );
            match end {
                Some(End::Accepted) => prop_assert!(rung > 0, "{number} was not accepted"),
                Some(End::Failed(FailedCause::Unknown)) => {}
                // An earlier try may have arrived, where that does no harm.
                Some(_) if *may_double => {}
                other => prop_assert_eq!(rung, 0, "{} rang, and is told as {:?}", number, other),
            }
        }
        Ok(())
    }
}

/// Rounds after which nothing is inside any more: each push has a moment of its own to wait for at most a few times.
const ROUNDS: usize = 400;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        // Without optimisation the default spends more time on chance than the histories take.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    /// Whatever servers and transports do: what may not be doubled rings once at most, and what may twice at most; each push
    /// that was taken has one end, and the end that is told is true.
    #[test]
    fn no_device_rings_twice_and_every_push_ends_once(
        credentials in credentials(),
        pushes_each in prop_oneof![2 => Just(1000u32), 1 => 1u32..5],
        deeds in proptest::collection::vec(deed(), 1..100),
    ) {
        let mut engine = Engine::new(credentials, pushes_each);
        for deed in &deeds {
            engine.play(deed)?;
        }
        engine.come_to_rest()?;
        engine.judge()?;
    }
}
