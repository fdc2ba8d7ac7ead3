//! The simulator as providers, control clients and shells see it: real TLS, real HTTP/2, a client of other make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected has failed"
)]

mod answers;
mod control_api;
mod cuts;
mod faults;
mod frames;
mod go_away;
mod library;
mod manual;
mod program;
mod provider_api;
mod settings;
mod silence;
mod stream_limit;
mod support;
mod tls;
mod windows;
