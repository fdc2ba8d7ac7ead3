//! The client half of HTTP/2 (RFC 9113) that APNs needs, sans-IO.
//!
//! [`Connection`] turns requests into bytes and bytes into [`Event`]s; it owns no socket, clock or randomness and
//! knows nothing of Apple. Left out on purpose: server push, priorities, upgrade from HTTP/1.1, CONNECT, request trailers.
//!
//! ```
//! use std::time::Instant;
//!
//! use apns_proto::http2::{Blocked, Config, Connection, Event, ResponseHandler};
//!
//! struct Answer {
//!     status: u16,
//! }
//!
//! impl ResponseHandler for Answer {
//!     fn status(&mut self, status: u16) {
//!         self.status = status;
//!     }
//!     fn header(&mut self, _name: &[u8], _value: &[u8]) {}
//!     fn body(&mut self, _data: &[u8]) {}
//! }
//!
//! let now = Instant::now();
//! let mut connection = Connection::new(Config::default(), now);
//! assert_eq!(connection.can_open(2), Err(Blocked::AwaitingSettings));
//!
//! // The transport brings the peer's SETTINGS, empty ones.
//! connection.handle_input(now, &[0, 0, 0, 4, 0, 0, 0, 0, 0]);
//! assert!(matches!(connection.poll_event(), Some(Event::Settings)));
//!
//! let opened = connection.open_stream(
//!     Answer { status: 0 },
//!     |block| {
//!         block.indexed(b":method", b"POST");
//!         block.indexed(b":scheme", b"https");
//!         block.literal(b":path", b"/3/device/00");
//!     },
//!     b"{}",
//! );
//! assert!(opened.is_ok());
//!
//! // The transport takes everything, and brings HEADERS for stream 1: END_STREAM, `:status: 200`.
//! connection.consume_output(connection.output().len());
//! connection.handle_input(now, &[0, 0, 1, 1, 0x5, 0, 0, 0, 1, 0x88]);
//! let Some(Event::Response { state, .. }) = connection.poll_event() else {
//!     panic!("no response");
//! };
//! assert_eq!(state.status, 200);
//! ```

mod config;
mod connection;
mod control;
mod error_code;
mod event;
mod field_section;
mod flood_guard;
mod flow_control;
mod frame;
mod handler;
pub mod hpack;
mod output;
mod receive;
mod response;
mod send;
mod settings;
mod slots;
mod stream_id;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use connection::Connection;
pub use error_code::ErrorCode;
pub use event::{
    Blocked, ConnectionError, EndedStream, Event, MAX_DEBUG_DATA, OpenStream, Processed,
    RequestProgress, ResetCause,
};
pub use handler::ResponseHandler;
pub use hpack::HeaderBlock;
pub use send::{Request, Reserve};
pub use stream_id::StreamId;
