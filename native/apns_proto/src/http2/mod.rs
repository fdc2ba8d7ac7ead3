//! The client half of HTTP/2 (RFC 9113) that APNs needs.
pub mod connection;
pub mod frame;
pub mod hpack;
