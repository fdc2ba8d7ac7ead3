//! Apple's push protocols without IO.
//!
//! **Every push given to a session comes back exactly once, and the same calls with the same times and random
//! numbers give the same bytes.** Nothing here reads a clock, a socket, a file or a random source: `now` and
//! randomness are arguments, so that whole histories run in a test in microseconds.
//!
//! The way of a push: [`notification`] or finished JSON → [`payload`] → [`request`] → [`waiting`] → [`session`] → [`http2`]
//! → bytes; and back: bytes → [`http2`] → [`response`] → [`session`] → [`session::Push::next`], which ends it or sends it again.
//!
//! A session's loop, with the transport reduced to its buffers:
//!
//! ```
//! use std::time::{Duration, Instant};
//! use apns_proto::{apns_id::ApnsId, device_token::DeviceToken, notification::Notification, now::Now,
//!     push_type::PushType, request::{Content, Headers, Request}, session, topic::Topic};
//!
//! let now = Now { instant: Instant::now(), unix_ms: 1_800_000_000_000 };
//! let config = session::Config {
//!     authority: "api.push.apple.com".into(),
//!     topic: Topic::parse("im.example.chat")?,
//!     authentication: session::Authentication::Certificate,
//!     authorization_coding: session::AuthorizationCoding::default(),
//!     response_timeout: Duration::from_secs(30),
//!     ping_interval: Duration::from_secs(60),
//!     ping_timeout: Duration::from_secs(10),
//! };
//! let mut session = session::Session::<&str>::new(config, now);
//!
//! // 1. Facts: what the transport brought. Here a server's SETTINGS.
//! session.handle_input(now, &[0, 0, 0, 4, 0, 0, 0, 0, 0]);
//! // 2. What became of pushes, and news of the connection.
//! assert_eq!(session.poll_notice(), Some(session::Notice::Ready));
//! // 3. Commands, while `can_send` allows.
//! let notification = Notification { badge: Some(3), ..Notification::default() };
//! let content = Content {
//!     payload: notification.to_payload(PushType::Alert)?,
//!     headers: Headers::new(PushType::Alert, None, None, None)?,
//! };
//! let request = Request {
//!     apns_id: ApnsId::from_random([7; 16]),
//!     device_token: DeviceToken::from_bytes(&[1; 32])?,
//!     content,
//! };
//! let push = session::Push::new(request, "for bob", now.instant + Duration::from_secs(3600));
//! assert!(session.send(now, Box::new(push)).is_ok());
//! // 4. Bytes for the transport.
//! let written = session.output().len();
//! session.consume_output(written);
//! // 5. When the transport ends, what is in flight comes back with its fate.
//! session.handle_closed(false);
//! let (push, fate) = session.poll_outcome().expect("the push that was sent");
//! assert_eq!((push.context, fate), ("for bob", session::Fate::Unknown));
//! # Ok::<(), Box<dyn std::error::Error>>(())
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

pub mod apns_id;
pub mod backoff;
pub mod collapse_id;
pub mod device_token;
pub mod expiration;
pub mod guard;
mod hex;
pub mod http2;
pub mod lanes;
pub mod notification;
pub mod now;
pub mod payload;
pub mod priority;
pub mod provider_token;
pub mod push_type;
pub mod request;
pub mod response;
pub mod session;
pub mod suspicion;
pub mod topic;
pub mod waiting;
