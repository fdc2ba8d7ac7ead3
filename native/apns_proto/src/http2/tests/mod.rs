//! The connection against a scripted peer, filed by section of RFC 9113. No socket, no clock: `kit.rs` has both ends.

mod kit;
mod wire;

mod closing;
mod floods;
mod flow_control;
mod framing;
mod go_away;
mod hpack_state;
mod laws;
mod opening;
mod responses;
mod settings;
mod starting;
mod streams;
