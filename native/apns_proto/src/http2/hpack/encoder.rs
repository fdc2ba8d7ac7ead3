//! The sending side of one connection: the table the peer's decoder mirrors.

use super::dynamic_table::DynamicTable;
use super::representation::SIZE_UPDATE;
use super::{HeaderBlock, INITIAL_TABLE_SIZE, integer};

/// Encodes the header lists of one connection, in the order in which they are sent.
///
/// Tell it the peer's SETTINGS with [`set_max_table_size`](Self::set_max_table_size), then write
/// each list with [`block`](Self::block).
#[derive(Debug)]
pub struct Encoder {
    pub(super) table: DynamicTable,
    own_cap: u32,
    told: Told,
}

/// What the peer's decoder knows of the table's size, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// The size in force there after the last block.
    size: u32,
    /// The smallest size ours had since then. It is told as well, because it says what was
    /// evicted (RFC 7541 4.2).
    lowest_since: u32,
}

impl Encoder {
    /// An encoder for a new connection, whose peer holds a table of `peer_table_size` bytes
    /// (SETTINGS_HEADER_TABLE_SIZE; 4096 as long as none arrived). It never holds more than
    /// `own_cap` bytes itself.
    #[must_use]
    pub fn new(peer_table_size: u32, own_cap: u32) -> Self {
        let mut encoder = Self {
            table: DynamicTable::new(INITIAL_TABLE_SIZE),
            own_cap,
            told: Told {
                size: INITIAL_TABLE_SIZE,
                lowest_since: INITIAL_TABLE_SIZE,
            },
        };
        encoder.set_max_table_size(peer_table_size);
        encoder
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE is now `peer_table_size` bytes, 0 included. The next
    /// block opens with the size update that RFC 7541 4.2 asks for, if any.
    pub fn set_max_table_size(&mut self, peer_table_size: u32) {
        let size = peer_table_size.min(self.own_cap);
        self.table.set_max_size(size);
        self.told.lowest_since = self.told.lowest_since.min(size);
    }

    /// Begins a header block at the end of `out`.
    ///
    /// From here on the block counts as sent: the peer must receive it, after all earlier ones
    /// and before all later ones, or it is taken back with [`HeaderBlock::abandon`].
    pub fn block<'a>(&'a mut self, out: &'a mut Vec<u8>) -> HeaderBlock<'a> {
        HeaderBlock::begin(self, out)
    }

    /// Writes what the peer's decoder must be told first, and returns what it knew before.
    #[inline]
    pub(super) fn write_size_updates(&mut self, out: &mut Vec<u8>) -> Told {
        let before = self.told;
        let size = self.table.max_size() as u32;
        if size != before.size || before.lowest_since != before.size {
            self.write_sizes(size, out);
        }
        before
    }

    #[cold]
    fn write_sizes(&mut self, size: u32, out: &mut Vec<u8>) {
        let before = self.told;
        if before.lowest_since < before.size.min(size) {
            integer::encode(out, SIZE_UPDATE, before.lowest_since as usize);
        }
        integer::encode(out, SIZE_UPDATE, size as usize);
        self.told = Told {
            size,
            lowest_since: size,
        };
    }

    /// Takes back a block that the peer will not see, where it had `told` before it.
    pub(super) fn forget_block(&mut self, told: Told, table_changed: bool) {
        self.told = told;
        if table_changed {
            // What the block evicted cannot be brought back: both tables start anew.
            self.table.clear();
            self.told.lowest_since = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next block's bytes, when it has one field of the static table.
    fn next_block(encoder: &mut Encoder) -> Vec<u8> {
        let mut out = Vec::new();
        encoder.block(&mut out).indexed(b":method", b"POST");
        out
    }

    #[test]
    fn a_size_is_told_once_and_only_if_it_is_news() {
        let mut encoder = Encoder::new(4096, 4096);
        assert_eq!(next_block(&mut encoder), [0x83]);
        encoder.set_max_table_size(4096);
        assert_eq!(next_block(&mut encoder), [0x83]);
        encoder.set_max_table_size(100);
        assert_eq!(next_block(&mut encoder), [0x3f, 0x45, 0x83]);
        assert_eq!(next_block(&mut encoder), [0x83]);
        encoder.set_max_table_size(0);
        assert_eq!(next_block(&mut encoder), [0x20, 0x83]);
    }

    #[test]
    fn the_minimum_between_two_blocks_is_told_before_the_last_size() {
        let mut encoder = Encoder::new(4096, 4096);
        encoder.set_max_table_size(0);
        encoder.set_max_table_size(20);
        encoder.set_max_table_size(4096);
        assert_eq!(next_block(&mut encoder), [0x20, 0x3f, 0xe1, 0x1f, 0x83]);
        encoder.set_max_table_size(20);
        encoder.set_max_table_size(30);
        assert_eq!(next_block(&mut encoder), [0x34, 0x3e, 0x83]);
    }

    #[test]
    fn no_more_than_the_own_cap_is_used() {
        let mut encoder = Encoder::new(65_536, 4096);
        assert_eq!(next_block(&mut encoder), [0x83]);
        let mut encoder = Encoder::new(4096, 30);
        assert_eq!(next_block(&mut encoder), [0x3e, 0x83]);
        encoder.set_max_table_size(20);
        encoder.set_max_table_size(65_536);
        assert_eq!(next_block(&mut encoder), [0x34, 0x3e, 0x83]);
    }

    #[test]
    fn a_size_in_an_abandoned_block_is_told_by_the_next_one() {
        let mut encoder = Encoder::new(4096, 4096);
        encoder.set_max_table_size(10);
        encoder.set_max_table_size(30);
        let mut out = Vec::new();
        encoder.block(&mut out).abandon();
        assert!(out.is_empty());
        assert_eq!(next_block(&mut encoder), [0x2a, 0x3e, 0x83]);
    }
}
