//! The Huffman code for strings (RFC 7541 5.2 and Appendix B).
//!
//! The code is canonical: shorter codes first, and among equals the smaller symbol first. So the
//! lengths of Appendix B are all the data there is; the codes follow from them at compile time.

mod code;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(super) use decode::Buffer;
pub(super) use encode::{encode_hex_string, encode_string, encode_uuid};
