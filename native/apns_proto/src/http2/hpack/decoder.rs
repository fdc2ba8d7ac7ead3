//! The receiving side of one connection.

use super::dynamic_table::DynamicTable;
use super::representation::{INCREMENTAL, INDEXED, NEVER_INDEXED, SIZE_UPDATE};
use super::{Error, FIELD_OVERHEAD, huffman, integer, static_table};

/// Decodes the header lists of one connection, in the order in which they arrived.
///
/// Its memory is bounded by a small multiple of the announced table size and of the longest block.
#[derive(Debug)]
pub struct Decoder {
    table: DynamicTable,
    announced: u32,
    name: huffman::Buffer,
    value: huffman::Buffer,
}

/// A name as a literal field gives it.
#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    Static(&'static [u8]),
    /// The name of the dynamic entry at this position.
    Dynamic(usize),
    Literal(&'a [u8]),
}

impl Decoder {
    /// A decoder for a new connection on which `max_table_size` bytes are announced as
    /// SETTINGS_HEADER_TABLE_SIZE. The peer starts from 4096 until it says otherwise; if less is
    /// announced, nothing beyond that is kept.
    #[must_use]
    pub fn new(max_table_size: u32) -> Self {
        Self {
            table: DynamicTable::new(max_table_size),
            announced: max_table_size,
            name: huffman::Buffer::default(),
            value: huffman::Buffer::default(),
        }
    }

    /// Decodes one whole block and hands each field, name and value, to `sink` in order.
    ///
    /// A list whose size (name, value and 32 for each field) passes `max_list_size` is decoded to
    /// its end, which keeps the table in step, but nothing more of it is handed out.
    ///
    /// # Errors
    /// [`Error::ListTooLarge`] is a matter of the stream. After any other error the decoder is out
    /// of step and the connection must end; fields handed out before it count for nothing.
    pub fn decode(
        &mut self,
        block: &[u8],
        max_list_size: usize,
        sink: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Error> {
        let mut block = self.read_size_updates(block)?;
        let mut budget = Some(max_list_size);
        let mut deliver = |name: &[u8], value: &[u8]| {
            let size = name.len() + value.len() + FIELD_OVERHEAD;
            budget = budget.and_then(|left| left.checked_sub(size));
            if budget.is_some() {
                sink(name, value);
            }
        };
        while let Some(&first) = block.first() {
            if first & INDEXED.0 != 0 {
                let (index, rest) = integer::decode(block, INDEXED.1)?;
                let (name, value) = self.field(index)?;
                deliver(name, value);
                block = rest;
            } else {
                block = self.read_literal(first, block, &mut deliver)?;
            }
        }
        budget.map(|_| ()).ok_or(Error::ListTooLarge)
    }

    /// Applies the size updates, which come before the first field only (RFC 7541 4.2).
    fn read_size_updates<'a>(&mut self, block: &'a [u8]) -> Result<&'a [u8], Error> {
        let mut block = block;
        while let Some(first) = block.first()
            && is_size_update(*first)
        {
            let (size, rest) = integer::decode(block, SIZE_UPDATE.1)?;
            if size > self.announced {
                return Err(Error::SizeUpdateTooLarge);
            }
            self.table.set_max_size(size);
            block = rest;
        }
        Ok(block)
    }

    fn read_literal<'a>(
        &mut self,
        first: u8,
        block: &'a [u8],
        deliver: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<&'a [u8], Error> {
        let incremental = first & INCREMENTAL.0 != 0;
        if !incremental && is_size_update(first) {
            return Err(Error::MisplacedSizeUpdate);
        }
        let prefix_bits = if incremental {
            INCREMENTAL.1
        } else {
            NEVER_INDEXED.1
        };
        let (index, rest) = integer::decode(block, prefix_bits)?;
        let (name, rest) = match index {
            0 => {
                let (name, rest) = read_string(rest, &mut self.name)?;
                (Name::Literal(name), rest)
            }
            _ => match dynamic_position(index) {
                Some(position) => (Name::Dynamic(position), rest),
                None => (Name::Static(static_field(index)?.0), rest),
            },
        };
        let (value, rest) = read_string(rest, &mut self.value)?;
        let name_bytes = match name {
            Name::Static(name) | Name::Literal(name) => name,
            Name::Dynamic(position) => self.table.get(position).ok_or(Error::InvalidIndex)?.0,
        };
        deliver(name_bytes, value);
        if incremental {
            match name {
                Name::Static(name) | Name::Literal(name) => {
                    self.table.insert(name, value);
                }
                Name::Dynamic(position) => {
                    self.table.insert_with_name_of(position, value);
                }
            }
        }
        Ok(rest)
    }

    fn field(&self, index: u32) -> Result<(&[u8], &[u8]), Error> {
        match dynamic_position(index) {
            Some(position) => self.table.get(position).ok_or(Error::InvalidIndex),
            None => static_field(index),
        }
    }
}

/// Where the dynamic table has this index, if it is not the static table's.
fn dynamic_position(index: u32) -> Option<usize> {
    (index as usize).checked_sub(static_table::LEN + 1)
}

fn static_field(index: u32) -> Result<(&'static [u8], &'static [u8]), Error> {
    static_table::get(index as usize).ok_or(Error::InvalidIndex)
}

const fn is_size_update(first: u8) -> bool {
    first & 0xe0 == SIZE_UPDATE.0
}

/// Reads a string literal (RFC 7541 5.2): from the block itself, or decoded into `buffer`.
fn read_string<'s, 'block: 's>(
    block: &'block [u8],
    buffer: &'s mut huffman::Buffer,
) -> Result<(&'s [u8], &'block [u8]), Error> {
    let huffman_coded = block.first().is_some_and(|first| first & 0x80 != 0);
    let (len, rest) = integer::decode(block, 7)?;
    let (string, rest) = rest
        .split_at_checked(len as usize)
        .ok_or(Error::Truncated)?;
    let string = if huffman_coded {
        buffer.decode(string)?
    } else {
        string
    };
    Ok((string, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Error> {
        let mut fields = Vec::new();
        let text = String::from_utf8_lossy;
        decoder.decode(block, 100, &mut |name: &[u8], value: &[u8]| {
            fields.push(format!("{}: {}", text(name), text(value)));
        })?;
        Ok(fields)
    }

    #[test]
    fn a_wrong_block_is_refused_by_name() {
        for (block, error) in [
            (&[0x80][..], Error::InvalidIndex),
            (&[0xbe], Error::InvalidIndex),
            (&[0x7e, 0x01, b'v'], Error::InvalidIndex),
            (&[0x0f, 0x2f, 0x01, b'v'], Error::InvalidIndex),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
                Error::IntegerOverflow,
            ),
            (
                &[0x00, 0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
                Error::IntegerOverflow,
            ),
            (&[0xff], Error::Truncated),
            (&[0x40], Error::Truncated),
            (&[0x40, 0x02, b'n'], Error::Truncated),
            (&[0x40, 0x01, b'n'], Error::Truncated),
            (&[0x00, 0x01, b'n', 0x02, b'v'], Error::Truncated),
            (&[0x3f], Error::Truncated),
            (&[0x00, 0x81, 0x18, 0x00], Error::InvalidHuffman),
            (
                &[0x00, 0x01, b'n', 0x84, 0xff, 0xff, 0xff, 0xff],
                Error::InvalidHuffman,
            ),
            (&[0x82, 0x20], Error::MisplacedSizeUpdate),
            (&[0x3f, 0xe2, 0x1f], Error::SizeUpdateTooLarge),
        ] {
            assert_eq!(
                decode(&mut Decoder::new(4096), block),
                Err(error),
                "{block:02x?}"
            );
            assert!(error.is_compression_error());
        }
    }

    #[test]
    fn size_updates_before_the_first_field_are_obeyed() {
        let mut decoder = Decoder::new(4096);
        assert_eq!(
            decode(&mut decoder, &[0x40, 1, b'n', 1, b'v', 0xbe])
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            decode(&mut decoder, &[0x20, 0x3f, 0xe1, 0x1f, 0x82]).unwrap(),
            [":method: GET"]
        );
        assert_eq!(decode(&mut decoder, &[0xbe]), Err(Error::InvalidIndex));
    }

    #[test]
    fn a_list_that_is_too_large_keeps_the_table_in_step() {
        let mut decoder = Decoder::new(4096);
        let mut delivered = 0;
        let block = [
            0x40, 1, b'a', 1, b'1', 0x40, 1, b'b', 1, b'2', 0x40, 1, b'c', 1, b'3',
        ];
        let verdict = decoder.decode(&block, 2 * 34, &mut |_: &[u8], _: &[u8]| delivered += 1);
        assert_eq!((verdict, delivered), (Err(Error::ListTooLarge), 2));
        assert!(!Error::ListTooLarge.is_compression_error());
        assert_eq!(
            decode(&mut decoder, &[0xbe, 0xc0]).unwrap(),
            ["c: 3", "a: 1"]
        );
    }

    #[test]
    fn a_field_may_take_its_name_from_the_entry_it_evicts() {
        // RFC 7541 4.4. Each entry has 34 bytes, so that a second one does not fit.
        let mut decoder = Decoder::new(60);
        assert_eq!(
            decode(&mut decoder, &[0x40, 1, b'n', 1, b'1']).unwrap(),
            ["n: 1"]
        );
        assert_eq!(
            decode(&mut decoder, &[0x7e, 1, b'2', 0xbe]).unwrap(),
            ["n: 2", "n: 2"]
        );
        assert_eq!(decode(&mut decoder, &[0xbf]), Err(Error::InvalidIndex));
    }
}
