//! device_token
