//! The thread behind an app: it owns the sockets to APNs, TLS and time, and performs what
//! [`apns_proto`] decides.
//!
//! One named thread per app runs one readiness loop over its queue, sockets and timers; nothing in it
//! blocks. Callers on any thread hand pushes over with [`App::notify`], which never waits, and get
//! exactly one outcome per push through their [`EventSink`].
//!
//! - [`config`]: the words of `start_app` and what they parse to
//! - [`registry`]: owner → devices, read by `notify`
//! - [`app`]: the handle: start, notify, stats, stop
//! - [`event`]: what the engine tells
//! - [`stats`]: what it counts
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

pub mod app;
pub mod config;
pub mod credentials;
mod engine;
pub mod event;
mod link;
mod queue;
pub mod registry;
mod resolver;
mod socket;
pub mod stats;
mod tls;
mod utc;
mod watcher;

pub use app::{App, NotifyError, Target};
pub use event::{Event, EventSink};
