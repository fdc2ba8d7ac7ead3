//! The client half of HTTP/2 (RFC 9113) that APNs needs, sans-IO.
//!
//! [`Connection`] turns requests into bytes and bytes into [`Event`]s; it owns no socket, clock or randomness and
//! knows nothing of Apple. Left out on purpose: server push, priorities, upgrade from HTTP/1.1, CONNECT, request trailers.

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
    Blocked, ConnectionError, Event, MAX_DEBUG_DATA, OpenStream, Processed, ResetCause,
};
pub use handler::ResponseHandler;
pub use hpack::HeaderBlock;
pub use stream_id::StreamId;
