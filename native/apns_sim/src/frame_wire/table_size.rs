//! Whether the provider's HPACK encoder heeds SETTINGS_HEADER_TABLE_SIZE.
//!
//! h2 takes a header block whose encoder has missed a smaller table, as long as it can be decoded. RFC 9113 §4.3.1
//! makes that an error, and a simulator that is more patient than Apple would hide it.

use super::frame::FrameHeader;

/// The table sizes that the provider has acknowledged, and the one it uses.
#[derive(Debug)]
pub(super) struct TableSize {
    allowed: u32,
    /// The least it was allowed since its last header block.
    lowest: u32,
    used: u32,
}

impl Default for TableSize {
    fn default() -> Self {
        Self {
            allowed: INITIAL,
            lowest: INITIAL,
            used: INITIAL,
        }
    }
}

impl TableSize {
    /// The provider has acknowledged SETTINGS with this size.
    pub(super) fn handle_acknowledgement(&mut self, size: u32) {
        self.allowed = size;
        self.lowest = self.lowest.min(size);
    }

    /// A header block has begun; `false` when it does not begin as it must. A block whose first frame is empty is
    /// not looked at.
    pub(super) fn handle_block(&mut self, header: FrameHeader, frame: &[u8]) -> bool {
        let mut block = frame.get(header.content_start()..).unwrap_or_default();
        if block.is_empty() {
            return true;
        }
        let (mut first, mut last) = (None, self.used);
        while let Some((size, rest)) = size_update(block) {
            if size > self.allowed {
                return false;
            }
            first = first.or(Some(size));
            last = size;
            block = rest;
        }
        let heeded = self.lowest >= self.used || first.is_some_and(|size| size <= self.lowest);
        self.used = last;
        self.lowest = self.allowed;
        heeded
    }
}

/// A dynamic table size update (RFC 7541 §6.3), and what is behind it.
fn size_update(block: &[u8]) -> Option<(u32, &[u8])> {
    let (first, mut rest) = block.split_first()?;
    if first & 0xe0 != 0x20 {
        return None;
    }
    let mut size = u32::from(first & PREFIX);
    if size == u32::from(PREFIX) {
        for shift in [0, 7, 14, 21] {
            let (byte, behind) = rest.split_first()?;
            rest = behind;
            size = size.checked_add(u32::from(byte & 0x7f) << shift)?;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    Some((size, rest))
}

/// Before any SETTINGS (RFC 9113 §6.5.2).
const INITIAL: u32 = 4096;
/// The five bits of the integer's first byte.
const PREFIX: u8 = 0x1f;

#[cfg(test)]
mod tests {
    use super::super::frame::HEADERS;
    use super::*;

    fn begins_well(table: &mut TableSize, block: &[u8]) -> bool {
        let header = FrameHeader {
            length: block.len(),
            kind: HEADERS,
            flags: 4,
            stream: 1,
        };
        table.handle_block(header, &[&[0; 9], block].concat())
    }

    const TO_0: &[u8] = &[0x20, 0x82];
    const TO_0_AND_100: &[u8] = &[0x20, 0x3f, 0x45, 0x82];
    const TO_100: &[u8] = &[0x3f, 0x45, 0x82];
    const NO_UPDATE: &[u8] = &[0x82];

    #[test]
    fn a_smaller_table_must_be_heeded_once() {
        let mut table = TableSize::default();
        assert!(begins_well(&mut table, NO_UPDATE));
        table.handle_acknowledgement(0);
        assert!(begins_well(&mut table, TO_0));
        assert!(begins_well(&mut table, NO_UPDATE));
        table.handle_acknowledgement(4096);
        assert!(
            begins_well(&mut table, NO_UPDATE),
            "a larger one need not be"
        );
        assert!(begins_well(&mut table, TO_100));
        table.handle_acknowledgement(100);
        assert!(begins_well(&mut table, NO_UPDATE), "it is used already");
        table.handle_acknowledgement(0);
        assert!(!begins_well(&mut table, NO_UPDATE));
    }

    #[test]
    fn of_two_changes_the_smaller_one_comes_first() {
        for (block, well) in [(TO_0_AND_100, true), (TO_0, true), (TO_100, false)] {
            let mut table = TableSize::default();
            table.handle_acknowledgement(0);
            table.handle_acknowledgement(100);
            assert_eq!(begins_well(&mut table, block), well, "{block:?}");
        }
    }

    #[test]
    fn a_table_larger_than_allowed_is_none() {
        let mut table = TableSize::default();
        assert!(!begins_well(&mut table, &[0x3f, 0xe2, 0x1f]), "4097");
        assert!(begins_well(&mut TableSize::default(), &[0x3f, 0xe1, 0x1f]));
    }
}
