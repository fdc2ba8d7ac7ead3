//! Apple's side of push notifications, on a laptop: a simulator of APNs for tests, demos and users.
//!
//! It speaks the provider API over real TLS and HTTP/2, judges requests as Apple does, keeps a journal of all that
//! arrived, and does what scripts say: any answer, GOAWAY, REFUSED_STREAM, stalls, cuts. It shares no code with the
//! client it tests, so that both cannot err alike.
//!
//! ```text
//! provider  IO: TCP, TLS, h2          frame_wire  the frames h2 cannot send
//!  └ connection  limit, GOAWAY         └ stream_limit  how many streams Apple allows (pure)
//!     └ exchange  one request           script   what is to go otherwise
//!        └ judge  Apple's checks (pure) journal  all that arrived
//! simulator  the library's handle      control  the HTTP API and the page
//! ```
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

mod answering;
mod base64url;
mod certificates;
mod client_certificate;
mod clock;
mod connection;
mod control;
mod credentials;
mod devices;
mod entry;
mod exchange;
mod frame_wire;
mod journal;
mod judge;
mod lock;
mod options;
mod provider;
mod provider_token;
mod push_type;
mod random;
mod reason;
mod refusing_verifier;
mod request;
mod script;
mod server;
mod simulator;
mod socket;
mod start_error;
mod state;
mod state_dir;
mod stream_limit;

pub use certificates::TlsFace;
pub use client_certificate::ClientCertificate;
pub use entry::Entry;
pub use judge::TokenUpdates;
pub use options::{Environment, ListenerMode, Options};
pub use provider_token::Claims;
pub use reason::Reason;
pub use script::{
    Answer, ConnectionAction, Effect, GoAway, Greeting, OpenRule, RawFrame, Rule, ScriptError,
    Settings, Step,
};
pub use simulator::{Simulator, TooFew};
pub use start_error::StartError;
