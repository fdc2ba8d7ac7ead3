//! Header compression for HTTP/2 (HPACK, RFC 7541), both directions, for one connection each.
//!
//! [`Encoder`] writes the header lists of requests, [`Decoder`] reads those of answers. Both hold
//! state that must stay in step with the peer's: every block that was begun is sent or abandoned
//! by name ([`HeaderBlock::abandon`]), and every block that arrives is decoded, also one for a
//! stream that is gone. Frames, CONTINUATION and pseudo-header rules live in the connection.
//!
//! ```
//! use apns_proto::http2::hpack::{Decoder, Encoder};
//!
//! let mut encoder = Encoder::new(4096, 4096);
//! let mut bytes = Vec::new();
//! let mut block = encoder.block(&mut bytes);
//! block.indexed(b":method", b"POST");
//! block.literal_hex(b":path", b"/3/device/", &[0xab, 0xcd]);
//!
//! let mut decoder = Decoder::new(4096);
//! let mut fields = Vec::new();
//! decoder.decode(&bytes, 16 * 1024, &mut |name: &[u8], value: &[u8]| {
//!     fields.push((name.to_vec(), value.to_vec()));
//! })?;
//! assert_eq!(fields[1], (b":path".to_vec(), b"/3/device/abcd".to_vec()));
//! # Ok::<(), apns_proto::http2::hpack::Error>(())
//! ```

mod decoder;
mod dynamic_table;
mod encoder;
mod error;
mod header_block;
mod huffman;
mod indexed_run;
mod integer;
mod key;
mod prepared_literal;
mod static_table;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::Error;
pub use header_block::HeaderBlock;
pub use indexed_run::IndexedRun;
pub use prepared_literal::PreparedLiteral;

/// What each field adds to its name and value, in bytes, both in a table (RFC 7541 4.1) and in
/// the size of a header list (RFC 9113 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// Size in bytes of both tables before any SETTINGS or size update (RFC 9113 6.5.2).
const INITIAL_TABLE_SIZE: u32 = 4096;

/// First bits of each representation (RFC 7541 6) and the width of the integer that follows.
mod representation {
    pub(super) const INDEXED: (u8, u8) = (0x80, 7);
    pub(super) const INCREMENTAL: (u8, u8) = (0x40, 6);
    pub(super) const SIZE_UPDATE: (u8, u8) = (0x20, 5);
    pub(super) const NEVER_INDEXED: (u8, u8) = (0x10, 4);
    pub(super) const WITHOUT_INDEXING: (u8, u8) = (0x00, 4);
    pub(super) const RAW_STRING: (u8, u8) = (0x00, 7);
    pub(super) const HUFFMAN_STRING: (u8, u8) = (0x80, 7);
}
