//! collapse_id
