//! apns_id
