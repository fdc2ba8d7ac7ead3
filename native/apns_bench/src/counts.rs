//! What the server has counted over all connections since its start.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Counters, and the first fault that a client was found at.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Counts {
    pub(crate) fn add_connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// Requests that have ended, which is before they are answered.
    pub(crate) fn add_requests(&self, requests: u64) {
        self.requests.fetch_add(requests, Relaxed);
    }

    /// Bytes from the socket, TLS included.
    pub(crate) fn add_bytes_in(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    /// Bytes to the socket, TLS included.
    pub(crate) fn add_bytes_out(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    /// Keeps the first: the others follow from it.
    pub(crate) fn add_fault(&self, fault: impl Into<String>) {
        let mut first = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(fault.into());
    }
}

/// One line: `connections=1 requests=2 bytes_in=3 bytes_out=4 fault=none`, the fault last, since it holds spaces.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        write!(
            f,
            "connections={} requests={} bytes_in={} bytes_out={} fault={}",
            self.connections.load(Relaxed),
            self.requests.load(Relaxed),
            self.bytes_in.load(Relaxed),
            self.bytes_out.load(Relaxed),
            fault.as_deref().unwrap_or("none"),
        )
    }
}
