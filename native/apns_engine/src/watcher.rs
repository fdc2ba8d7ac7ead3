//! Reads the files of keys and certificates again when they change, for all apps of the process, on one thread.
//!
//! The files are looked at, not waited for: what tells of changes (inotify and its like) knows nothing of network file
//! systems, of links that lead elsewhere, or of a directory that takes another's place. Engine threads read no file; a
//! file system that does not answer holds up this thread, with it the renewal of other apps' credentials, and no push.
//!
//! Bounds: one thread, which sleeps while there is nothing to do; the apps are as many as their starters allow, with at
//! most two files each; of what an app's engine has not taken yet only the newest is kept.

mod watched;

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

pub(crate) use self::watched::{News, Watched};
use crate::config::now_unix;

/// The process's one thread that looks at files.
#[derive(Debug)]
pub(crate) struct Watcher(Arc<Shared>);

impl Watcher {
    /// Starts the thread `apns-files`, unless it runs.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static WATCHER: OnceCell<Watcher> = OnceCell::new();
        WATCHER.get_or_try_init(|| {
            let shared = Arc::new(Shared::default());
            let its = Arc::clone(&shared);
            // Its handle is dropped: it lives as long as the process, and sleeps when no app is left.
            thread::Builder::new()
                .name("apns-files".to_owned())
                .spawn(move || its.run())?;
            Ok(Self(shared))
        })
    }

    /// Looks at an app's files every `interval` from now on, until the watch ends.
    pub(crate) fn watch(&self, interval: Duration, watched: Watched) -> Watch {
        let shared = Arc::clone(&self.0);
        let mut apps = shared.lock();
        let number = apps.next;
        apps.next += 1;
        apps.places.insert(
            number,
            Place {
                interval,
                due: Instant::now() + interval,
                watched: Some(Box::new(watched)),
            },
        );
        drop(apps);
        shared.changed.notify_one();
        Watch { shared, number }
    }
}

/// An app whose files are looked at. Dropping it ends that, and never waits for a disk.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    number: u64,
}

impl Watch {
    /// Ends it. A look that is under way tells nobody of what it finds.
    pub(crate) fn end(&self) {
        let removed = self.shared.lock().places.remove(&self.number);
        // What goes with it may take a while to free: not under the lock.
        drop(removed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Debug, Default)]
struct Shared {
    apps: Mutex<Apps>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Apps {
    places: BTreeMap<u64, Place>,
    /// The number of the next one.
    next: u64,
}

#[derive(Debug)]
struct Place {
    interval: Duration,
    due: Instant,
    /// `None` while it is looked at.
    watched: Option<Box<Watched>>,
}

impl Shared {
    /// Held for moments only, never while a file is touched.
    fn lock(&self) -> MutexGuard<'_, Apps> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's work.
    fn run(&self) {
        loop {
            let (number, mut watched) = self.next_due();
            // Files hold whatever there is: a panic over one app's must not end the watch over the others'.
            let news = catch_unwind(AssertUnwindSafe(|| watched.look(now_unix())))
                .unwrap_or_else(|_| watched.handle_panic());
            self.put_back(number, watched, news);
        }
    }

    /// Takes the app that is due first, when it is.
    fn next_due(&self) -> (u64, Box<Watched>) {
        let mut apps = self.lock();
        loop {
            let now = Instant::now();
            let first = apps.places.iter_mut().min_by_key(|(_, place)| place.due);
            let until = match first {
                Some((number, place)) if place.due <= now => {
                    place.due = now + place.interval;
                    if let Some(watched) = place.watched.take() {
                        return (*number, watched);
                    }
                    continue;
                }
                Some((_, place)) => place.due.saturating_duration_since(now),
                None => Duration::MAX,
            };
            apps = match until {
                Duration::MAX => self
                    .changed
                    .wait(apps)
                    .unwrap_or_else(PoisonError::into_inner),
                until => {
                    let woken = self.changed.wait_timeout(apps, until);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Gives an app its place again, and tells its engine what was found, unless the watch has ended meanwhile.
    fn put_back(&self, number: u64, watched: Box<Watched>, news: Option<News>) {
        let mut apps = self.lock();
        let Some(place) = apps.places.get_mut(&number) else {
            drop(apps);
            return;
        };
        place.due = Instant::now() + place.interval;
        if let Some(news) = news {
            watched.tell(news);
        }
        place.watched = Some(watched);
    }
}
