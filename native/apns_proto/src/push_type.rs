//! push_type
