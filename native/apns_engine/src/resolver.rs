//! Name look-up off the loop.

use std::io;
use std::net::SocketAddr;

/// The thread that looks up names for one app.
#[derive(Debug)]
pub(crate) struct Resolver {}

impl Resolver {
    /// Starts the thread `apns-dns-<app>`. `waker` is called when an answer can be taken.
    pub(crate) fn start(_app: &str, _waker: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        todo!()
    }

    /// Asks for the addresses of `host`; replaces an earlier question and its answer. Never waits.
    pub(crate) fn request(&self, _host: &str, _port: u16) {
        todo!()
    }

    /// The answer to the last question, once: at least one address, or what went wrong.
    pub(crate) fn try_take(&self) -> Option<Result<Vec<SocketAddr>, String>> {
        todo!()
    }
}
