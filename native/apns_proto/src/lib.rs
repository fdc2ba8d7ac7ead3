//! Apple's push protocols without IO.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod apns_id;
pub mod backoff;
pub mod collapse_id;
pub mod device_token;
pub mod expiration;
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
pub mod topic;
