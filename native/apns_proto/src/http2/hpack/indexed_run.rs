//! Fields that stand together in many requests, looked up once.

use std::cell::Cell;

/// How fields that follow each other were encoded last, where each of them was an index; and in which state of the
/// table, as their code is the same only as long as that stays.
#[derive(Debug, Default)]
pub struct IndexedRun(Cell<Coded>);

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Coded {
    /// The state of the table; none has 0.
    changes: u64,
    list_size: usize,
    len: usize,
    bytes: [u8; MAX_LEN],
}

impl IndexedRun {
    /// The code and the size in the list, if they hold in this state of the table.
    #[inline]
    pub(super) fn in_state(&self, changes: u64) -> Option<Coded> {
        Some(self.0.get()).filter(|coded| coded.changes == changes)
    }

    /// What the fields came to. Nothing is kept of a longer code: then some field was no index.
    pub(super) fn keep(&self, changes: u64, list_size: usize, code: &[u8]) {
        let mut bytes = [0; MAX_LEN];
        let Some(place) = bytes.get_mut(..code.len()) else {
            return;
        };
        place.copy_from_slice(code);
        self.0.set(Coded {
            changes,
            list_size,
            len: code.len(),
            bytes,
        });
    }
}

impl Coded {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) const fn list_size(&self) -> usize {
        self.list_size
    }
}

/// An index is a byte in a usual table, and two in a larger one.
const MAX_LEN: usize = 8;
