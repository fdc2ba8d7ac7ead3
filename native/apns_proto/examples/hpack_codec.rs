//! Our header compression on standard input and output, for comparison with another's: see
//! `test/interop/hpack_interop.py`. One command a line, strings in hexadecimal digits after an `x`:
//!
//! ```text
//! connection DECODER_SIZE OWN_CAP       begin anew; no answer
//! table-size N                          the peer's SETTINGS_HEADER_TABLE_SIZE; no answer
//! encode (KIND NAME VALUE)...           answers the block
//! abandon (KIND NAME VALUE)...          a block taken back; no answer
//! decode BLOCK                          answers `ok (NAME VALUE)...` or the error's name
//! ```
//!
//! A kind is a method of `HeaderBlock`, or `indexed_if_room`, which is `never_indexed` where the table has no room; the value
//! of `literal_hex` is text in hexadecimal digits.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, Write, stdin, stdout};

use apns_proto::http2::hpack::{Decoder, Encoder, HeaderBlock, PreparedLiteral};

/// Larger than any list of the comparison, so that no list is refused for its size.
const MAX_LIST_SIZE: usize = 1 << 24;

fn main() -> Result<(), Box<dyn Error>> {
    let mut encoder = Encoder::new(4096, 4096);
    let mut decoder = Decoder::new(4096);
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut out = Vec::new();
        let answer = match words.as_slice() {
            ["connection", decoder_size, own_cap] => {
                encoder = Encoder::new(4096, own_cap.parse()?);
                decoder = Decoder::new(decoder_size.parse()?);
                continue;
            }
            ["table-size", size] => {
                encoder.set_max_table_size(size.parse()?);
                continue;
            }
            ["encode", fields @ ..] => {
                write_fields(&mut encoder.block(&mut out), fields)?;
                to_hex(&out)
            }
            ["abandon", fields @ ..] => {
                let mut block = encoder.block(&mut out);
                write_fields(&mut block, fields)?;
                block.abandon();
                continue;
            }
            ["decode", block] => decode(&mut decoder, &from_hex(block)?),
            _ => return Err(format!("not a command: {line}").into()),
        };
        let mut stdout = stdout().lock();
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

fn write_fields(block: &mut HeaderBlock<'_>, words: &[&str]) -> Result<(), Box<dyn Error>> {
    for field in words.chunks(3) {
        let &[kind, name, value] = field else {
            return Err("a field is kind, name and value".into());
        };
        let (name, value) = (from_hex(name)?, from_hex(value)?);
        match kind {
            "indexed" => block.indexed(&name, &value),
            "indexed_if_room" if block.has_room_for(&name, &value) => block.indexed(&name, &value),
            "indexed_if_room" => block.never_indexed(&name, &value),
            "indexed_name" => block.indexed_name(&name, &value),
            "literal" => block.literal(&name, &value),
            "never_indexed" => block.never_indexed(&name, &value),
            "prepared" => block.prepared(&PreparedLiteral::never_indexed(&name, &value)),
            "literal_hex" => {
                let digits = format!("x{}", std::str::from_utf8(&value)?);
                block.literal_hex(&name, b"", &from_hex(&digits)?);
            }
            _ => return Err(format!("not a kind of field: {kind}").into()),
        }
    }
    Ok(())
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> String {
    let mut answer = "ok".to_owned();
    let verdict = decoder.decode(block, MAX_LIST_SIZE, &mut |name: &[u8], value: &[u8]| {
        // Writing to a string cannot fail.
        let _ = write!(answer, " {} {}", to_hex(name), to_hex(value));
    });
    verdict.map_or_else(|error| format!("{error:?}"), |()| answer)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold("x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn from_hex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits = text.strip_prefix('x').ok_or("a string begins with x")?;
    let pairs = digits.as_bytes().chunks(2).map(std::str::from_utf8);
    pairs
        .map(|pair| Ok(u8::from_str_radix(pair?, 16)?))
        .collect()
}
