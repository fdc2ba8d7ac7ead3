//! The handle of one app: what any thread may ask of its engine.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apns_proto::apns_id::ApnsId;
use apns_proto::device_token::DeviceToken;
use apns_proto::push_type::PushType;
use apns_proto::request::{Content, Request};
use apns_proto::session::Push;
use smallvec::{SmallVec, smallvec};

use crate::config::{AppConfig, ConfigError, Options, now_unix};
use crate::engine::{self, Parts};
use crate::event::EventSink;
use crate::queue::{Budget, Job, Origin, Queue, QueuedPush};
use crate::registry::{DeviceKind, Registry};
use crate::resolver::{self, Resolver};
use crate::stats::{Snapshot, Stats};
use crate::watcher::{Watch, Watched, Watcher};

/// A running app. Dropping it stops the engine without draining, and waits for its thread.
#[derive(Debug)]
pub struct App<S: EventSink> {
    options: Options,
    queue: Arc<Queue<S::Recipient>>,
    registry: Arc<Registry>,
    stats: Arc<Stats>,
    queue_timeout: Duration,
    thread: Mutex<Option<JoinHandle<()>>>,
    watch: Watch,
}

/// The names of the pushes that one notification became.
pub type ApnsIds = SmallVec<[ApnsId; 1]>;

/// Whom a notification is for.
#[derive(Debug, Clone)]
pub enum Target<'a> {
    /// All devices of this owner that fit the push type: `voip` devices for voip pushes, the others for alert and
    /// background pushes.
    Owner(&'a [u8]),
    /// One device, registered or not.
    Token(DeviceToken),
}

/// Why `notify` took nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// The registry has never heard of the owner.
    #[error("the registry does not know this owner")]
    UnknownOwner,
    /// A bound of the queue is reached; counted, nothing taken.
    #[error("the queue is full")]
    Overloaded,
    /// One given apns-id cannot serve several devices.
    #[error("an apns_id of your own needs a target of one device")]
    ApnsIdShared,
    /// Owners have app tokens and PushKit tokens; a push of this type goes to a token of its own kind.
    #[error("pushes of this type go to a token, not to an owner")]
    NeedsToken,
    /// Apple takes pushes of this type from apps with a provider token only.
    #[error("pushes of this type need a signing key, not a certificate")]
    NeedsProviderToken,
    /// The engine has been stopped.
    #[error("the app is stopped")]
    Stopped,
}

/// Why an app did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An option cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system gave no thread or no poll descriptor.
    #[error("the system has no thread or descriptor left: {0}")]
    System(#[from] std::io::Error),
}

impl<S: EventSink> App<S> {
    /// Starts the engine thread. Reads key files, so not for a normal scheduler; does not wait for Apple.
    ///
    /// # Errors
    /// An option that cannot be used, or a system without threads or descriptors.
    pub fn start(
        name: &str,
        options: Options,
        sink: S,
        receiver: Option<S::Recipient>,
    ) -> Result<Self, StartError> {
        Self::start_with(name, options, sink, receiver, resolver::ask_system)
    }

    /// [`start`](Self::start), with somebody else than the system to ask for the addresses of names.
    fn start_with(
        name: &str,
        options: Options,
        sink: S,
        receiver: Option<S::Recipient>,
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> Result<Self, StartError> {
        let config = AppConfig::parse(name, &options)?;
        let watcher = Watcher::get()?;
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), engine::WAKER)?;
        let stats = Arc::new(Stats::default());
        let registry = Registry::new(config.registry, config.limits.registry_limit);
        let registry = Arc::new(registry);
        let budget = Budget::new(config.limits.queue_limit, config.limits.queue_bytes);
        let (queue, jobs) = Queue::new(budget, waker, receiver.clone(), Arc::clone(&stats));
        let queue = Arc::new(queue);
        let queue_timeout = config.limits.queue_timeout;
        let resolver = {
            let queue = Arc::clone(&queue);
            Resolver::start(name, look_up, move || queue.wake())?
        };
        if let Some(not_after) = config.credentials.not_after() {
            stats.show_end(not_after, now_unix());
        }
        let watched = {
            let queue = Arc::clone(&queue);
            let tell = move |news| queue.control(|control| control.add_news(news));
            let credentials = Arc::clone(&config.credentials);
            let stats = Arc::clone(&stats);
            Watched::new(
                options.clone(),
                config.topic.clone(),
                credentials,
                stats,
                tell,
            )
        };
        let check_interval = config.limits.credentials_check_interval;
        let parts = Parts {
            config,
            receiver,
            queue: Arc::clone(&queue),
            jobs,
            registry: Arc::clone(&registry),
            stats: Arc::clone(&stats),
            sink,
            poll,
            resolver,
        };
        let thread = Mutex::new(Some(engine::spawn(name, parts)?));
        Ok(Self {
            options,
            queue,
            registry,
            stats,
            queue_timeout,
            thread,
            watch: watcher.watch(check_interval, watched),
        })
    }

    /// What it was started with, to tell whether a second start means the same.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Who gets events that no notification claims.
    pub fn set_receiver(&self, receiver: S::Recipient) {
        self.queue
            .control(|control| control.receiver = Some(receiver));
    }

    /// The devices.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Queues one push per device, all or none; never waits. Returns their apns-ids in the devices' order; none
    /// for a known owner without devices.
    ///
    /// # Errors
    /// Nothing was taken.
    pub fn notify(
        &self,
        target: Target<'_>,
        content: Content,
        apns_id: Option<ApnsId>,
        reply_to: Option<S::Recipient>,
    ) -> Result<ApnsIds, NotifyError> {
        let with_certificate = self.options.certificate_file.is_some();
        if with_certificate && content.headers.push_type.needs_provider_token() {
            return Err(NotifyError::NeedsProviderToken);
        }
        let new_push = NewPush {
            content,
            give_up_at: Instant::now() + self.queue_timeout,
            apns_id,
            reply_to,
        };
        let pushes = match target {
            Target::Token(token) => smallvec![new_push.only_to(token)],
            Target::Owner(owner) => self.pushes_to_owner(owner, &new_push)?,
        };
        if apns_id.is_some() && pushes.len() > 1 {
            return Err(NotifyError::ApnsIdShared);
        }
        let apns_ids = pushes.iter().map(|push| push.request.apns_id).collect();
        self.queue.put(pushes)?;
        Ok(apns_ids)
    }

    /// Counters and gauges, for `stats/1`.
    pub fn stats(&self) -> Snapshot {
        self.stats.owners.set(self.registry.owners() as u64);
        let without = self.registry.owners_without_devices();
        self.stats.owners_without_devices.set(without as u64);
        self.stats.devices.set(self.registry.devices() as u64);
        let evicted = self.registry.evicted();
        self.stats.owners_evicted.set(evicted.owners);
        self.stats.owners_fetched_again.set(evicted.fetched_again);
        self.stats.snapshot(engine::read_clocks())
    }

    /// Refuses new pushes, drains for at most `drain`, ends the rest as stopped, and waits for the thread, which
    /// ends within a moment after that. A second call waits for the first.
    pub fn stop(&self, drain: Duration) {
        self.watch.end();
        self.queue.close();
        self.queue.control(|control| {
            control.stop.get_or_insert(drain);
        });
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // Its panics were caught inside; what else could end it has been told as an event.
            let _ = thread.join();
        }
        // Millions of devices take a while to free: not on the scheduler of whoever lets go of the app last.
        self.registry.clear();
    }

    fn pushes_to_owner(
        &self,
        owner: &[u8],
        new_push: &NewPush<S::Recipient>,
    ) -> Result<Job<S::Recipient>, NotifyError> {
        // Apple gives an app different tokens for calls, for Live Activities, for widgets and so on, and calls a
        // good token of the wrong kind dead.
        let kind = match new_push.content.headers.push_type {
            PushType::Voip => DeviceKind::Voip,
            PushType::Alert | PushType::Background => DeviceKind::Alert,
            _ => return Err(NotifyError::NeedsToken),
        };
        let pushes = self.registry.with_devices(owner, |owner, devices| {
            let fitting = devices.iter().filter(|device| device.kind == kind);
            fitting
                .map(|device| new_push.to(device.token.clone(), owner))
                .collect()
        });
        if pushes.is_none() {
            self.stats.unknown_owner.add(1);
        }
        pushes.ok_or(NotifyError::UnknownOwner)
    }
}

impl<S: EventSink> Drop for App<S> {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

/// What the pushes of one notification share.
struct NewPush<R> {
    content: Content,
    give_up_at: Instant,
    apns_id: Option<ApnsId>,
    reply_to: Option<R>,
}

impl<R: Clone> NewPush<R> {
    /// The push to one of the owner's devices.
    fn to(&self, device_token: DeviceToken, owner: &Arc<[u8]>) -> QueuedPush<R> {
        let origin = Origin {
            owner: Some(Arc::clone(owner)),
            reply_to: self.reply_to.clone(),
        };
        queued(
            self.content.clone(),
            self.apns_id,
            device_token,
            origin,
            self.give_up_at,
        )
    }

    /// The push to the one device that it is for; nothing is left to share.
    fn only_to(self, device_token: DeviceToken) -> QueuedPush<R> {
        let origin = Origin {
            owner: None,
            reply_to: self.reply_to,
        };
        queued(
            self.content,
            self.apns_id,
            device_token,
            origin,
            self.give_up_at,
        )
    }
}

fn queued<R>(
    content: Content,
    apns_id: Option<ApnsId>,
    device_token: DeviceToken,
    origin: Origin<R>,
    give_up_at: Instant,
) -> QueuedPush<R> {
    let request = Request {
        apns_id: apns_id.unwrap_or_else(new_apns_id),
        device_token,
        content,
    };
    Box::new(Push::new(request, origin, give_up_at))
}

/// An apns-id that no other node draws too: the generator of each thread is seeded by the system.
fn new_apns_id() -> ApnsId {
    thread_local! {
        static RANDOM: RefCell<fastrand::Rng> = RefCell::new(fastrand::Rng::with_seed(system_seed()));
    }
    RANDOM.with_borrow_mut(|random| ApnsId::from_random(random.u128(..).to_ne_bytes()))
}

/// `RandomState` is keyed by the system's random source, once per thread; the time tells threads of one key apart.
fn system_seed() -> u64 {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    RandomState::new().hash_one((unix, std::thread::current().id()))
}

#[cfg(test)]
mod tests;
