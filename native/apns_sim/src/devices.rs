//! What the simulator was told about single devices. A token it was told nothing about belongs to a phone that has
//! every app.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::lock::lock;

/// What Apple knows of one device token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// The app is on the phone, under this bundle id only.
    Registered {
        /// The bundle id, without a push type's suffix.
        topic: String,
    },
    /// The app is gone from the phone.
    Unregistered {
        /// The last time Apple saw that the token is not valid: Unix ms.
        timestamp_ms: u64,
        /// `Unregistered` or `ExpiredToken`.
        reason: crate::reason::Reason,
    },
}

/// The marked devices, by token in lower case.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    marked: Mutex<HashMap<String, Device>>,
}

impl Devices {
    pub(crate) fn find(&self, token: &str) -> Option<Device> {
        lock(&self.marked).get(token).cloned()
    }

    /// Whether so many more can be marked.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        lock(&self.marked).len() + more <= MAX_MARKED
    }

    pub(crate) fn mark(&self, token: &str, device: Device) {
        lock(&self.marked).insert(token.to_ascii_lowercase(), device);
    }

    pub(crate) fn clear(&self) {
        lock(&self.marked).clear();
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.marked).len()
    }
}

/// Bounds the memory a client of the control API can make the simulator take.
const MAX_MARKED: usize = 100_000;
