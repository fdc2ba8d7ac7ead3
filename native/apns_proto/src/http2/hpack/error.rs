//! Why a header block was refused. The peer is at fault in every case.

/// What is wrong with a header block that the peer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The list is larger than the receiver allows. The table is still in step: only the stream
    /// the block belongs to is lost.
    #[error("header list larger than allowed")]
    ListTooLarge,
    /// The block ends inside a field.
    #[error("header block ends inside a field")]
    Truncated,
    /// An integer above 2^32 - 1, or written with more bytes than one can need (RFC 7541 5.1).
    #[error("integer in a header block out of range")]
    IntegerOverflow,
    /// An index of zero, or beyond the table's end (RFC 7541 2.3.3, 6.1).
    #[error("header field index out of range")]
    InvalidIndex,
    /// The string holds EOS, or padding that is too long or not all ones (RFC 7541 5.2).
    #[error("invalid Huffman coding in a header field")]
    InvalidHuffman,
    /// A table size update after the block's first field (RFC 7541 4.2).
    #[error("dynamic table size update inside a header block")]
    MisplacedSizeUpdate,
    /// A table size update above the size announced in SETTINGS (RFC 7541 6.3).
    #[error("dynamic table size update above the announced maximum")]
    SizeUpdateTooLarge,
}

impl Error {
    /// Whether the tables of both sides can no longer be trusted to be the same, so that the
    /// connection must end with COMPRESSION_ERROR (RFC 9113 4.3). If not, it is a matter of the
    /// one stream.
    #[must_use]
    pub const fn is_compression_error(self) -> bool {
        !matches!(self, Self::ListTooLarge)
    }
}
