//! A field whose encoding is made once and copied into many blocks.

use std::fmt;

use super::key::Sought;
use super::representation::{NEVER_INDEXED, WITHOUT_INDEXING};
use super::{FIELD_OVERHEAD, huffman, integer, static_table};

/// A literal field with its encoding, for a value that is sent many times but must not be indexed,
/// as a provider token. It depends on no connection's table: one serves every connection.
///
/// `Debug` shows neither name nor value.
#[derive(Clone)]
pub struct PreparedLiteral {
    encoded: Box<[u8]>,
    list_size: usize,
}

impl PreparedLiteral {
    /// Prepares a literal without indexing (RFC 7541 6.2.2).
    #[must_use]
    pub fn new(name: &[u8], value: &[u8]) -> Self {
        Self::prepare(WITHOUT_INDEXING, name, value)
    }

    /// Prepares a literal that no intermediary may index either, for secrets (RFC 7541 6.2.3).
    #[must_use]
    pub fn never_indexed(name: &[u8], value: &[u8]) -> Self {
        Self::prepare(NEVER_INDEXED, name, value)
    }

    fn prepare(representation: (u8, u8), name: &[u8], value: &[u8]) -> Self {
        let mut encoded = Vec::new();
        match static_table::find_name(Sought::new(name)) {
            Some(index) => integer::encode(&mut encoded, representation, index),
            None => {
                integer::encode(&mut encoded, representation, 0);
                huffman::encode_string(&mut encoded, name);
            }
        }
        huffman::encode_string(&mut encoded, value);
        Self {
            encoded: encoded.into_boxed_slice(),
            list_size: name.len() + value.len() + FIELD_OVERHEAD,
        }
    }

    /// What the field adds to a block, in bytes.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    pub(super) const fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    pub(super) const fn list_size(&self) -> usize {
        self.list_size
    }
}

impl fmt::Debug for PreparedLiteral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedLiteral")
            .field("encoded_len", &self.encoded.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_encoded_as_a_literal_and_shown_by_its_length_only() {
        let secret = PreparedLiteral::never_indexed(b"authorization", b"bearer secret");
        assert_eq!(secret.encoded().first_chunk(), Some(&[0x1f, 0x08]));
        assert_eq!(secret.list_size(), 13 + 13 + 32);
        assert_eq!(
            format!("{secret:?}"),
            format!(
                "PreparedLiteral {{ encoded_len: {} }}",
                secret.encoded_len()
            )
        );
        assert_eq!(
            PreparedLiteral::new(b"n", b"v").encoded(),
            [0x00, 1, b'n', 1, b'v']
        );
    }
}
