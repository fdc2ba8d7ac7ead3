//! The values that the keys of options and notifications may have.

use std::borrow::Cow;

use rustler::types::atom::Atom;
use rustler::{Binary, Term};

use super::fields::Wrong;

/// Text: a binary of UTF-8, of a bounded size.
pub(crate) fn text<'a>(term: Term<'a>) -> Result<&'a str, Wrong<'a>> {
    let bytes = bytes(term).map_err(|_| Wrong::Not(TEXT))?;
    if bytes.len() > MAX_BYTES {
        return Err(Wrong::TooLarge(bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|_| Wrong::Not(TEXT))
}

/// Text that may be cut: the start of it if it is larger than a value may be, and then its size.
pub(crate) fn start_of_text<'a>(term: Term<'a>) -> Result<(&'a str, Option<usize>), Wrong<'a>> {
    let bytes = bytes(term).map_err(|_| Wrong::Not(TEXT))?;
    if bytes.len() <= MAX_BYTES {
        return Ok((text(term)?, None));
    }
    let start = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let start = match std::str::from_utf8(start) {
        Ok(start) => start,
        // The bound lies within a character.
        Err(error) if error.error_len().is_none() => start
            .get(..error.valid_up_to())
            .and_then(|start| std::str::from_utf8(start).ok())
            .ok_or(Wrong::Not(TEXT))?,
        Err(_) => return Err(Wrong::Not(TEXT)),
    };
    Ok((start, Some(bytes.len())))
}

/// A list of texts, of a bounded size in all.
pub(crate) fn texts<'a>(term: Term<'a>) -> Result<Vec<String>, Wrong<'a>> {
    let mut size = 0;
    let mut all = Vec::new();
    for item in items(term) {
        let item = text(item.ok_or(Wrong::Not(TEXTS))?)?;
        // Two quotes and a comma.
        size += item.len() + 3;
        if size > MAX_BYTES {
            return Err(Wrong::TooLarge(size));
        }
        all.push(item.to_owned());
    }
    Ok(all)
}

/// One of a fixed set of words, as an atom or as text.
pub(crate) fn word<'a>(term: Term<'a>) -> Result<Cow<'a, str>, Wrong<'a>> {
    if let Ok(atom) = Atom::from_term(term) {
        let name = atom.to_term(term.get_env()).atom_to_string();
        return name.map(Cow::Owned).map_err(|_| Wrong::Not(WORD));
    }
    text(term).map(Cow::Borrowed).map_err(|_| Wrong::Not(WORD))
}

/// Any binary.
pub(crate) fn bytes<'a>(term: Term<'a>) -> Result<&'a [u8], Wrong<'a>> {
    Binary::from_term(term)
        .map(|binary| binary.as_slice())
        .map_err(|_| Wrong::Not("a binary"))
}

/// An integer from 0 on.
pub(crate) fn integer<'a>(term: Term<'a>) -> Result<u64, Wrong<'a>> {
    term.decode()
        .map_err(|_| Wrong::Not("an integer from 0 to 2^64 - 1"))
}

/// A float or an integer.
pub(crate) fn number<'a>(term: Term<'a>) -> Result<f64, Wrong<'a>> {
    // Integers of more than 32 bits are none of Apple's numbers, and would lose digits.
    let integer = || term.decode::<i32>().map(f64::from);
    term.decode::<f64>()
        .or_else(|_| integer())
        .map_err(|_| Wrong::Not("a number"))
}

/// `true` and `false`, or Apple's 1 and 0.
pub(crate) fn flag<'a>(term: Term<'a>) -> Result<bool, Wrong<'a>> {
    match term.decode::<u8>() {
        Ok(0) => Ok(false),
        Ok(1) => Ok(true),
        _ => term.decode().map_err(|_| Wrong::Not("true or false")),
    }
}

/// Sets a field that has no value yet.
pub(crate) fn set<'a, T>(field: &mut Option<T>, value: T) -> Result<(), Wrong<'a>> {
    match field {
        Some(_) => Err(Wrong::Twice),
        None => {
            *field = Some(value);
            Ok(())
        }
    }
}

/// The items of a list; `None` once, where the term is no list or its tail is none.
///
/// Not rustler's iterator, which panics at an improper tail.
pub(crate) fn items<'a>(list: Term<'a>) -> impl Iterator<Item = Option<Term<'a>>> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let list = rest?;
        if let Ok((head, tail)) = list.list_get_cell() {
            rest = Some(tail);
            return Some(Some(head));
        }
        rest = None;
        if list.is_empty_list() {
            None
        } else {
            Some(None)
        }
    })
}

/// Bytes of one value at most: twice the largest payload, and read in some 100 µs.
pub(crate) const MAX_BYTES: usize = 2 * 5120;

const TEXT: &str = "a binary of UTF-8 text";
const TEXTS: &str = "a list of binaries of UTF-8 text";
const WORD: &str = "an atom or a binary";
