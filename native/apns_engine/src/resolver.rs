//! Name look-up off the loop: `getaddrinfo` is the one call that must block, so it has a thread of its own.
//!
//! The thread is not joined: a name server that does not answer would hold up whoever stops the app. There is one
//! per app, so one look-up may be left running; it ends by itself when `getaddrinfo` gives up, and tells nobody.

use std::fmt;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the system's resolver knows of a name. Blocks.
pub(crate) fn ask_system(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (host, port).to_socket_addrs().map(Vec::from_iter)
}

/// Looks up names for one app. Dropping it never waits.
#[derive(Debug)]
pub(crate) struct Resolver {
    shared: Arc<Shared>,
}

impl Resolver {
    /// Starts the thread `apns-dns-<app>`. It asks `look_up`, which may block, and calls `waker` whenever there is an
    /// answer to take.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn start(
        app: &str,
        look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + 'static,
        waker: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            slot: Mutex::default(),
            changed: Condvar::new(),
            waker: Box::new(waker),
        });
        let its = Arc::clone(&shared);
        // The thread's handle is dropped: see the head of this file.
        thread::Builder::new()
            .name(thread_name(app))
            .spawn(move || its.answer_questions(look_up))?;
        Ok(Self { shared })
    }

    /// Asks for the addresses of `host`, a name or an IP literal, which is answered at once. Never waits.
    ///
    /// There is one question at a time: another one replaces it and its answer. The same one again, while its look-up
    /// runs, is answered by that: asking more often must not make a slow name server slower.
    pub(crate) fn request(&self, host: &str, port: u16) {
        let mut slot = self.shared.lock();
        if let Ok(ip) = host.parse::<IpAddr>() {
            slot.question = None;
            slot.is_new = false;
            slot.answer = Some(Ok(vec![SocketAddr::new(ip, port)]));
            drop(slot);
            (self.shared.waker)();
            return;
        }
        let question = Some((host.to_owned(), port));
        if slot.question == question && slot.answer.is_none() {
            return;
        }
        slot.question = question;
        slot.is_new = true;
        slot.answer = None;
        drop(slot);
        self.shared.changed.notify_one();
    }

    /// Takes the answer to the last question, if it has come: one to [`MAX_ADDRESSES`] addresses in the order in
    /// which to try them, or a sentence for an operator.
    pub(crate) fn try_take(&self) -> Option<Result<Vec<SocketAddr>, String>> {
        let mut slot = self.shared.lock();
        let answer = slot.answer.take()?;
        slot.question = None;
        Some(answer)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    waker: Box<dyn Fn() + Send + Sync>,
}

/// The one question, from asking until its answer is taken.
#[derive(Default)]
struct Slot {
    question: Option<(String, u16)>,
    /// No look-up has begun for it.
    is_new: bool,
    answer: Option<Result<Vec<SocketAddr>, String>>,
    closed: bool,
}

impl Shared {
    /// Held for moments only, never over a look-up.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread's work, until the resolver is dropped.
    fn answer_questions(&self, look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>>) {
        while let Some(question) = self.next_question() {
            let (host, port) = &question;
            let answer = match look_up(host, *port).map(in_order_of_trial) {
                Ok(addresses) if addresses.is_empty() => Err(format!("{host} has no address")),
                Ok(addresses) => Ok(addresses),
                Err(error) => Err(format!("cannot look up {host}: {error}")),
            };
            let mut slot = self.lock();
            if slot.closed {
                return;
            }
            if slot.question.as_ref() == Some(&question) {
                slot.is_new = false;
                slot.answer = Some(answer);
                drop(slot);
                (self.waker)();
            }
        }
    }

    /// Waits for a new question; `None`: the resolver is dropped.
    fn next_question(&self) -> Option<(String, u16)> {
        let mut slot = self.lock();
        loop {
            if slot.closed {
                return None;
            }
            if mem::take(&mut slot.is_new) {
                return slot.question.clone();
            }
            slot = self
                .changed
                .wait(slot)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The two families take turns, each in the system's order, beginning with the system's first (RFC 8305 §4): when
/// one family leads nowhere, the second try is not in it.
fn in_order_of_trial(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first_is_v6) = addresses.first().map(SocketAddr::is_ipv6) else {
        return addresses;
    };
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if distinct.len() < MAX_LOOKED_AT && !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for address in distinct {
        if address.is_ipv6() == first_is_v6 {
            first.push(address)
        } else {
            second.push(address)
        }
    }
    let turns = first.len().max(second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered: Vec<_> = (0..turns)
        .flat_map(|_| [first.next(), second.next()])
        .flatten()
        .collect();
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

/// `Builder::spawn` panics at a NUL.
fn thread_name(app: &str) -> String {
    format!("apns-dns-{}", app.replace('\0', ""))
}

/// Addresses tried at most. Apple's names have some ten.
const MAX_ADDRESSES: usize = 16;
/// Addresses considered at most, so that many of one family do not hide the other.
const MAX_LOOKED_AT: usize = 64;

#[cfg(test)]
mod tests;
