//! provider_token
