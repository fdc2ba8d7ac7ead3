//! Fields that stand together in many requests, looked up once.

use std::cell::Cell;

/// How fields that follow each other were encoded last, where each of them was an index; and in which state of the
/// table, as their code is the same only as long as that stays.
///
/// A run belongs to one encoder: states of different tables look alike, and with another's indices the peer would read
/// other fields.
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

#[cfg(test)]
mod tests {
    use super::super::Encoder;
    use super::super::header_block::tests::written;
    use super::*;

    #[test]
    fn a_run_is_looked_up_anew_when_the_table_has_changed() {
        let mut encoder = Encoder::new(4096, 4096);
        let run = IndexedRun::default();
        let mut looked_up = 0;
        let mut write = |encoder: &mut Encoder, size: &mut usize| {
            written(encoder, |block| {
                block.run(&run, |block| {
                    looked_up += 1;
                    block.indexed(b"n", b"v");
                    block.indexed(b"m", b"w");
                });
                *size = block.list_size();
            })
        };
        let mut size = 0;
        assert_eq!(write(&mut encoder, &mut size).len(), 10);
        for _ in 0..3 {
            assert_eq!(write(&mut encoder, &mut size), [0xbf, 0xbe]);
            assert_eq!(size, 2 * 34);
        }
        written(&mut encoder, |block| block.indexed(b"o", b"x"));
        assert_eq!(write(&mut encoder, &mut size), [0xc0, 0xbf]);
        encoder.set_max_table_size(0);
        // A size update, and literals.
        assert_eq!(write(&mut encoder, &mut size).len(), 11);
        assert_eq!(write(&mut encoder, &mut size).len(), 10);
        assert_eq!(size, 2 * 34);
        assert_eq!(looked_up, 5);
    }
}
