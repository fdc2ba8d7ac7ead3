//! One connection to APNs as pushes see it: who is in flight, what may be sent, what became of each.

mod push;

pub use push::{FailedCause, Fate, Push};
